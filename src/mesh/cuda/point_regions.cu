#include <algorithm>
#include <array>

#include "mesh/cuda/lattice.cuh"
#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/point_regions.h"
#include "mesh/cuda/scan.h"
#include "mesh/cuda/scratch.h"

namespace sinter::mesh::cuda {
namespace {

constexpr const char* kName = "point regions";
constexpr int kMostParts = 256;
/// Enough to fill the device; each block takes many points, since all end at one box.
constexpr int kBoxBlocks = 512;

struct Box {
  int low[3], high[3];
};

__global__ void __launch_bounds__(kThreads)
    bounding_box_kernel(LatticeShape lattice, PointList list, Box* box) {
  int low[3] = {lattice.points, lattice.points, lattice.points}, high[3] = {-1, -1, -1};
  const std::int64_t step = std::int64_t{gridDim.x} * kThreads;
  for (std::int64_t n = thread_number(); n < list.count; n += step) {
    const int3 p = point_at(lattice, list.places[n]);
    const int along[3] = {p.x, p.y, p.z};
#pragma unroll
    for (int axis = 0; axis < 3; ++axis) {
      low[axis] = min(low[axis], along[axis]);
      high[axis] = max(high[axis], along[axis]);
    }
  }
#pragma unroll
  for (int axis = 0; axis < 3; ++axis) {
    const int warp_low = __reduce_min_sync(0xffffffff, low[axis]);
    const int warp_high = __reduce_max_sync(0xffffffff, high[axis]);
    if (threadIdx.x % 32 != 0) continue;
    atomicMin(&box->low[axis], warp_low);
    atomicMax(&box->high[axis], warp_high);
  }
}

/// Part of each listed point, and how many points each part has.
__global__ void __launch_bounds__(kThreads) part_kernel(PartTable table,
                                                        LatticeShape lattice,
                                                        PointList list,
                                                        std::uint8_t* part_of_point,
                                                        std::uint32_t* count) {
  __shared__ std::uint32_t counted[kMostParts];
  for (int b = static_cast<int>(threadIdx.x); b < kMostParts; b += kThreads) counted[b] = 0;
  __syncthreads();
  const std::int64_t n = thread_number();
  if (n < list.count) {
    const int3 p = point_at(lattice, list.places[n]);
    const std::uint8_t *x = table.part, *y = x + lattice.points, *z = y + lattice.points;
    const int part = (x[p.x] * table.parts + y[p.y]) * table.parts + z[p.z];
    part_of_point[n] = static_cast<std::uint8_t>(part);
    atomicAdd(counted + part, 1u);
  }
  __syncthreads();
  for (int b = static_cast<int>(threadIdx.x); b < kMostParts; b += kThreads) {
    if (counted[b] != 0) atomicAdd(count + b, counted[b]);
  }
}

}  // namespace

void cut_evenly(const PartTable& table, const LatticeShape& lattice, cudaStream_t stream) {
  const int points = lattice.points;
  for_each(3 * points, kName, stream, [=] __device__(std::int64_t n) {
    const int i = static_cast<int>(n) % points;
    int part = 0;
    while (part + 1 < table.parts && points * (part + 1) / table.parts <= i) ++part;
    table.part[n] = static_cast<std::uint8_t>(part);
  });
}

void cut_bounding_box(const PartTable& table,
                      float scale,
                      const DeviceField& field,
                      const LatticeShape& lattice,
                      const PointList& list,
                      Arena& arena,
                      cudaStream_t stream) {
  const ArenaScope scope(arena);
  auto* box = take<Box>(arena, 1);
  for_each(1, kName, stream, [=] __device__(std::int64_t) {
    *box = {{lattice.points, lattice.points, lattice.points}, {-1, -1, -1}};
  });
  bounding_box_kernel<<<kBoxBlocks, kThreads, 0, stream>>>(lattice, list, box);
  sinter::cuda::check_launch(kName);
  const float* coordinates = field.axis(0);
  const int grid_points = field.grid().points();
  for_each(3 * lattice.points, kName, stream, [=] __device__(std::int64_t n) {
    const int axis = static_cast<int>(n) / lattice.points, i = static_cast<int>(n) % lattice.points;
    const auto coordinate = [&](int index) {
      return coordinates[axis * grid_points + to_grid(lattice, index)];
    };
    const float low = coordinate(box->low[axis]), extent = coordinate(box->high[axis]) - low;
    const float place = extent > 0 ? (coordinate(i) - low) / extent * scale : 0.0f;
    const int part = min(max(static_cast<int>(floorf(place)), 0), table.parts - 1);
    table.part[n] = static_cast<std::uint8_t>(part);
  });
}

PointRegions sort_into_parts(const PartTable& table,
                             const LatticeShape& lattice,
                             const PointList& list,
                             Arena& arena,
                             cudaStream_t stream) {
  PointRegions regions{take<std::uint32_t>(arena, list.count), {}, {}};
  const ArenaScope scope(arena);
  auto* part_of_point = take<std::uint8_t>(arena, list.count);
  auto* count = take<std::array<std::uint32_t, kMostParts>>(arena, 1);
  set_bytes(count, 0, 1, kName, stream);
  if (list.count > 0) {
    part_kernel<<<static_cast<unsigned>((list.count + kThreads - 1) / kThreads),
                  kThreads,
                  0,
                  stream>>>(
        table, lattice, list, part_of_point, reinterpret_cast<std::uint32_t*>(count));
    sinter::cuda::check_launch(kName);
    stable_sort(part_of_point, list.places, regions.places, list.count, arena, stream);
  }
  const auto counted = read_back(count, kName, stream);
  std::int64_t first = 0;
  for (int part = 0; part < table.parts * table.parts * table.parts; ++part) {
    regions.first.push_back(first);
    regions.count.push_back(counted[static_cast<std::size_t>(part)]);
    first += regions.count.back();
  }
  return regions;
}

}  // namespace sinter::mesh::cuda
