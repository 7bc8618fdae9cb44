#include "bench/texture/device_maps.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "cuda/memory.h"
#include "cuda/status.h"
#include "texture/cuda/maps.h"

namespace sinter::bench {
namespace {

using sinter::cuda::check;

/// Of the device: from one mark in the stream's work to the next.
class Marks {
 public:
  explicit Marks(cudaStream_t stream) : stream_(stream) {}
  ~Marks() {
    for (cudaEvent_t event : events_) cudaEventDestroy(event);
  }
  void mark() {
    events_.emplace_back();
    check(cudaEventCreate(&events_.back()), "bench");
    check(cudaEventRecord(events_.back(), stream_), "bench");
  }
  /// Milliseconds from mark `from` to mark `to`; waits.
  double between(std::size_t from, std::size_t to) const {
    check(cudaEventSynchronize(events_[to]), "bench");
    float ms = 0;
    check(cudaEventElapsedTime(&ms, events_[from], events_[to]), "bench");
    return static_cast<double>(ms);
  }

 private:
  cudaStream_t stream_;
  std::vector<cudaEvent_t> events_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Milliseconds that the device takes to move `bytes`, half of them read and half written: what no
/// kernel with so much traffic goes below.
double copy_ms(std::int64_t bytes, cuda::StreamAllocator& memory, cudaStream_t stream) {
  const auto half = static_cast<std::size_t>(bytes / 2);
  const Buffer from(half, &memory), to(half, &memory);
  std::vector<double> times;
  for (int round = 0; round < 9; ++round) {
    Marks marks(stream);
    marks.mark();
    check(cudaMemcpyAsync(to.data(), from.data(), half, cudaMemcpyDeviceToDevice, stream), "bench");
    marks.mark();
    times.push_back(marks.between(0, 1));
  }
  return median(times);
}

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

}  // namespace

void time_device_maps(const mesh::TriangleMesh& source, int size, int threads, int rounds) {
  using namespace texture;
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "bench");
  {
    sinter::cuda::StreamAllocator memory(stream);
    Arena arena(&memory);
    mesh::cuda::Download download;
    std::vector<double> upload, raster, shade, all, with_download;
    std::size_t faces = 0;
    for (int round = 0; round <= rounds; ++round) {  // the first one warms up
      const ViewMesh mesh = prepare_view_mesh(source);
      const auto normals = mean_normals(mesh.positions, mesh.faces, threads);
      faces = mesh.faces.size();
      auto start = std::chrono::steady_clock::now();
      const texture::cuda::DeviceViewMesh there(mesh, normals, &memory, stream);
      if (round > 0) upload.push_back(milliseconds_since(start));
      for (const ViewCamera& camera : default_cameras()) {
        Marks marks(stream);
        start = std::chrono::steady_clock::now();
        marks.mark();
        const auto seen = texture::cuda::rasterize_view(there, camera, size, size, arena, stream);
        marks.mark();
        const auto maps = texture::cuda::make_maps(there, camera, seen, arena, stream);
        marks.mark();
        texture::cuda::download_maps(maps, download, stream);
        if (round == 0) continue;
        with_download.push_back(milliseconds_since(start));
        raster.push_back(marks.between(0, 1));
        shade.push_back(marks.between(1, 2));
        all.push_back(marks.between(0, 2));
      }
    }
    // Shading reads which face a pixel sees, i32, and writes eight levels.
    constexpr std::int64_t kBytesPerPixel = 12;
    const double floor = copy_ms(kBytesPerPixel * size * size, memory, stream);
    std::printf(
        "%8zu faces %5d px, GPU: mesh there %.2f | a view, on the device: raster %.3f, four maps "
        "%.3f (%.0f %% of the rate of a copy), together %.3f; with the copy to the host %.2f\n",
        faces,
        size,
        median(upload),
        median(raster),
        median(shade),
        100 * floor / median(shade),
        median(all),
        median(with_download));
  }
  cudaStreamDestroy(stream);
}

}  // namespace sinter::bench
