#pragma once
// mesh/lattice.h for kernels: one level of the sampling, dense.

#include <cstdint>

#include "mesh/cuda/queries.h"

namespace sinter::mesh::cuda {

__device__ inline int to_grid(const LatticeShape& lattice, int i) {
  return min(i * lattice.stride, lattice.last);
}

/// The index that a place of a cube of side^3 places stands for.
__device__ inline int3 split_place(std::int64_t place, int side) {
  const auto n = static_cast<std::uint32_t>(place), s = static_cast<std::uint32_t>(side);
  return {static_cast<int>(n / (s * s)), static_cast<int>(n / s % s), static_cast<int>(n % s)};
}

__device__ inline int3 point_at(const LatticeShape& lattice, std::int64_t place) {
  return split_place(place, lattice.points);
}

struct DeviceLattice {
  LatticeShape shape;
  float* values;          ///< [points^3]; NaN where nothing is known
  std::uint8_t* refined;  ///< [cells^3]; null on the finest lattice

  __host__ __device__ int points() const { return shape.points; }
  __host__ __device__ int cells() const { return shape.points - 1; }
  __host__ __device__ std::int64_t point_count() const {
    return std::int64_t{points()} * points() * points();
  }
  __host__ __device__ std::int64_t cell_count() const {
    return std::int64_t{cells()} * cells() * cells();
  }
  __device__ int to_grid(int i) const { return cuda::to_grid(shape, i); }
  __device__ int3 to_grid(const int3& p) const {
    return {to_grid(p.x), to_grid(p.y), to_grid(p.z)};
  }
  __device__ std::int64_t place(int i, int j, int k) const {
    return (std::int64_t{i} * points() + j) * points() + k;
  }
  /// Point and cell of a place.
  __device__ int3 point_at(std::int64_t place) const { return split_place(place, points()); }
  __device__ int3 cell_at(std::int64_t place) const { return split_place(place, cells()); }
  /// Lattice index of a grid index; -1 where it is not on the lattice.
  __device__ int from_grid(int grid) const {
    if (grid == shape.last) return cells();
    return grid % shape.stride == 0 ? grid / shape.stride : -1;
  }
  __device__ bool from_grid(const int3& grid, int3& point) const {
    point = {from_grid(grid.x), from_grid(grid.y), from_grid(grid.z)};
    return point.x >= 0 && point.y >= 0 && point.z >= 0;
  }
  /// First and last cell along an axis that contain (in their closure) a grid index.
  __device__ int2 cells_at(int grid) const {
    const int high = min(grid / shape.stride, cells() - 1);
    const int low = grid % shape.stride == 0 ? max(grid / shape.stride - 1, 0) : high;
    return {min(low, high), high};
  }
  __device__ bool is_refined(int i, int j, int k) const {
    return refined[(std::int64_t{i} * cells() + j) * cells() + k] != 0;
  }
};

/// A number is a sample; NaN is unknown, an infinity a sign that is implied by the neighbours.
__device__ inline bool is_sample(float value) {
  return isfinite(value);
}

}  // namespace sinter::mesh::cuda
