// From a field on the device to a mesh on the host, stage by stage, beside the CPU's path.
//
//     bench_mesh_cuda [RESOLUTION] [ROUNDS] [FIELD.raw]
//
// Medians of wall time with the device idle before and after. The copy ceiling is a 1 GB copy on
// the device, bytes read plus bytes written. With a third argument the field is written there, as
// f32 [points, points, points], for skimage_peer.py.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <vector>

#include "cuda/status.h"
#include "mesh/cleanup.h"
#include "mesh/cuda/cleanup.h"
#include "mesh/cuda/marching_cubes.h"
#include "mesh/cuda/sample_dense.h"
#include "mesh/cuda/sample_flashvdm.h"
#include "mesh/cuda/sample_hierarchical.h"
#include "sinter/error.h"

namespace {

using namespace sinter;

/// A bumpy ball of 3/4 of the cube and a few hundred specks around it, cut off like a decoder's
/// field.
__global__ void field_kernel(const float* points, std::int64_t count, float* logits) {
  const std::int64_t n = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (n >= count) return;
  const float x = points[3 * n], y = points[3 * n + 1], z = points[3 * n + 2];
  const float r = sqrtf(x * x + y * y + z * z);
  const float ball = 0.72f + 0.08f * sinf(11 * x) * sinf(9 * y) * sinf(10 * z) - r;
  const auto from_speck = [](float t) { return t - 0.2f * rintf(t / 0.2f); };
  const float a = from_speck(x), b = from_speck(y), c = from_speck(z);
  const float speck = fminf(0.012f - sqrtf(a * a + b * b + c * c), r - 0.95f);
  logits[n] = fminf(fmaxf(fmaxf(ball, speck) / 0.03f, -1.0f), 1.0f);
}

void sample(const float* points, std::int64_t count, float* logits, cudaStream_t stream) {
  field_kernel<<<static_cast<unsigned>((count + 255) / 256), 256, 0, stream>>>(
      points, count, logits);
}

void sample_groups(mesh::GroupStage,
                   std::span<const mesh::cuda::DevicePointGroup> groups,
                   cudaStream_t stream) {
  for (const auto& group : groups) sample(group.points, group.count, group.logits, stream);
}

/// The field's values, looked up: what is left of a run is the work between the queries.
mesh::FieldSampler lookup(const mesh::Grid& grid, const std::vector<float>& values) {
  return [&grid, &values](std::span<const mesh::Vec3> points, std::span<float> logits) {
    for (std::size_t n = 0; n < points.size(); ++n) {
      std::int64_t place = 0;
      for (int axis = 0; axis < 3; ++axis) {
        const auto a = static_cast<std::size_t>(axis);
        place =
            place * grid.points() +
            std::lrint((static_cast<double>(points[n][a]) - grid.lower()[a]) / grid.spacing(axis));
      }
      logits[n] = values[static_cast<std::size_t>(place)];
    }
  };
}

bool is_same(const mesh::TriangleMesh& a, const mesh::TriangleMesh& b) {
  return a.positions == b.positions && a.faces == b.faces;
}

/// Median milliseconds.
double time(int rounds, const std::function<void()>& work) {
  std::vector<double> times;
  for (int round = 0; round < rounds + 1; ++round) {
    cuda::check(cudaDeviceSynchronize(), "bench");
    const auto start = std::chrono::steady_clock::now();
    work();
    cuda::check(cudaDeviceSynchronize(), "bench");
    const std::chrono::duration<double, std::milli> elapsed =
        std::chrono::steady_clock::now() - start;
    if (round > 0) times.push_back(elapsed.count());  // the first one warms up
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  return times[static_cast<std::size_t>(rounds / 2)];
}

/// GB/s, read and written.
double copy_ceiling(int rounds) {
  constexpr std::size_t kBytes = std::size_t{1} << 30;
  const cuda::DeviceMemory from(kBytes), to(kBytes);
  const double ms = time(rounds, [&] {
    cuda::check(
        cudaMemcpyAsync(to.as<void>(), from.as<void>(), kBytes, cudaMemcpyDeviceToDevice, nullptr),
        "bench");
  });
  return 2 * static_cast<double>(kBytes) / ms / 1e6;
}

void row(const char* what, double ms, double bytes, double ceiling) {
  std::printf("| %s | %.3f | %.0f | %.0f %% |\n",
              what,
              ms,
              bytes / ms / 1e6,
              100 * bytes / ms / 1e6 / ceiling);
}

void run(int resolution, int rounds, const char* path) {
  const mesh::Grid grid(resolution);
  cuda::StreamAllocator memory(nullptr);
  Arena arena(&memory);
  mesh::cuda::MeshDownload download;
  const mesh::cuda::MarchingCubes marching_cubes;
  const double ceiling = copy_ceiling(rounds);
  const auto sample_all = [&] {
    return mesh::cuda::sample_dense(grid, sample, {.chunk = 1 << 22}, arena, nullptr);
  };
  const mesh::cuda::DeviceField field = sample_all();
  const auto extract = [&] { return marching_cubes.run(field, {}, arena, nullptr); };
  const mesh::cuda::DeviceMesh whole = extract();
  mesh::cuda::DeviceMesh cleaned = extract();
  const std::int64_t removed = remove_floaters(cleaned, 0.005, arena, nullptr);
  std::printf(
      "octree %d: %lld vertices, %lld faces, %lld components removed; copy ceiling %.0f GB/s\n\n",
      resolution,
      static_cast<long long>(whole.vertices()),
      static_cast<long long>(whole.faces()),
      static_cast<long long>(removed),
      ceiling);
  const double field_bytes = 4.0 * static_cast<double>(grid.point_count());
  const double mesh_bytes = 12.0 * static_cast<double>(whole.vertices() + whole.faces());
  const double extraction = time(rounds, [&] { extract(); });
  const double both = time(rounds, [&] {
    mesh::cuda::DeviceMesh mesh = extract();
    remove_floaters(mesh, 0.005, arena, nullptr);
  });
  std::printf("| stage | ms | GB/s | of the copy ceiling |\n|---|---|---|---|\n");
  row("dense sampling around a cheap sampler", time(rounds, sample_all), field_bytes, ceiling);
  mesh::SampleStats stats;
  const mesh::HierarchicalOptions near_surface{.chunk = 1 << 20};
  const auto sample_some = [&] {
    return mesh::cuda::sample_hierarchical(grid, sample, near_surface, arena, nullptr, &stats);
  };
  row("hierarchical sampling around it", time(rounds, sample_some), field_bytes, ceiling);
  row("flashvdm sampling around it",
      time(rounds, [&] { mesh::cuda::sample_flashvdm(grid, sample_groups, {}, arena, nullptr); }),
      field_bytes,
      ceiling);
  row("marching cubes, welded", extraction, field_bytes + mesh_bytes, ceiling);
  row("removing floaters", both - extraction, 2 * mesh_bytes, ceiling);
  row("mesh to the host",
      time(rounds, [&] { download.run(cleaned, nullptr); }),
      mesh_bytes,
      ceiling);
  row("all but the sampling",
      time(rounds,
           [&] {
             mesh::cuda::DeviceMesh mesh = extract();
             remove_floaters(mesh, 0.005, arena, nullptr);
             download.run(mesh, nullptr);
           }),
      field_bytes + mesh_bytes,
      ceiling);

  const std::vector<float> values = field.download(nullptr);
  if (path != nullptr) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(values.size() * sizeof(float)));
  }
  const mesh::Field host(grid, values);
  mesh::TriangleMesh made;
  const mesh::TriangleMesh ours = download.run(cleaned, nullptr);
  std::printf("\n| on the CPU, 16 threads | ms |\n|---|---|\n");
  mesh::HierarchicalOptions on_host = near_surface;
  on_host.threads = 16;
  std::printf("| hierarchical sampling | %.1f |\n",
              time(1, [&] { mesh::sample_hierarchical(grid, lookup(grid, values), on_host); }));
  const double cubes = time(1, [&] { made = mesh::marching_cubes(host, {.threads = 16}); });
  std::printf("| marching cubes | %.1f |\n", cubes);
  std::printf("| removing floaters | %.1f |\n", time(1, [&] {
                                                  made =
                                                      mesh::marching_cubes(host, {.threads = 16});
                                                  mesh::remove_floaters(made, 0.005);
                                                }) - cubes);
  std::printf("\nhierarchical sampling: %lld of %lld points, %d passes\n",
              static_cast<long long>(stats.queries),
              static_cast<long long>(stats.grid_points),
              stats.passes);
  std::printf("the same mesh as on the CPU: %s; from hierarchical as from dense sampling: %s\n",
              is_same(ours, made) ? "yes" : "NO",
              is_same(download.run(marching_cubes.run(sample_some(), {}, arena, nullptr), nullptr),
                      download.run(whole, nullptr))
                  ? "yes"
                  : "NO");
  std::printf("working memory: %.0f MB beside the field's %.0f MB\n\n",
              static_cast<double>(arena.peak_bytes()) / 1e6,
              field_bytes / 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? std::atoi(argv[1]) : 384,
        argc > 2 ? std::max(1, std::atoi(argv[2])) : 9,
        argc > 3 ? argv[3] : nullptr);
  } catch (const sinter::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
