#pragma once
// mesh/slope_bound.h for kernels. The arithmetic is the same, operation by operation.

#include <cfloat>
#include <cstdint>

#include "mesh/cuda/lattice.cuh"
#include "mesh/slope_bound.h"

namespace sinter::mesh::cuda {

/// mesh::SlopeMap: slopes by place, in blocks of 8x8x8 grid cells.
struct DeviceSlopeMap {
  float* slope;  ///< [blocks^3]
  int blocks;    ///< along an axis

  __host__ __device__ std::int64_t count() const { return std::int64_t{blocks} * blocks * blocks; }
  __device__ std::int64_t block_of(const int3& point) const {
    const auto along = [this](int i) { return min(i / SlopeMap::kBlock, blocks - 1); };
    return (std::int64_t{along(point.x)} * blocks + along(point.y)) * blocks + along(point.z);
  }
  __device__ float at(const int3& point) const { return slope[block_of(point)]; }
};

/// mesh::SignBound.
struct DeviceSignBound {
  double spacing[3];
  DeviceSlopeMap slopes;
  float level, saturation;
  int trusted_stride;

  __device__ double slope_at(const int3& point) const {
    return fmax(static_cast<double>(slopes.at(point)), DBL_MIN);
  }

  /// Radius, squared, in which the sign is that of the sample.
  __device__ double reach(float value_minus_level, double slope, int stride) const {
    const double radius = fabs(static_cast<double>(value_minus_level)) / slope;
    const double square = radius * radius;
    if (stride > trusted_stride || fabsf(value_minus_level + level) < saturation) return square;
    double diagonal = 0;
    for (const double h : spacing) diagonal += h * h * stride * stride;
    return fmax(square, 0.2501 * diagonal);
  }

  __device__ bool may_be_crossed(const float corner[8],
                                 const int3& first,
                                 const int3& extent,
                                 int stride) const {
    const double slope = slope_at(first);
    const bool inside = corner[0] > 0;
    const double width[3] = {spacing[0] * extent.x, spacing[1] * extent.y, spacing[2] * extent.z};
    double diagonal = 0;
    for (const double w : width) diagonal += w * w;
    double reaches[8];
    bool all_reach_middle = true;
#pragma unroll
    for (int c = 0; c < 8; ++c) {
      if ((corner[c] > 0) != inside) return true;
      reaches[c] = reach(corner[c], slope, stride);
      all_reach_middle = all_reach_middle && reaches[c] > 0.25 * diagonal;
    }
    if (all_reach_middle) return false;
    for (int i = 0; i <= extent.x; ++i) {
      for (int j = 0; j <= extent.y; ++j) {
        for (int k = 0; k <= extent.z; ++k) {
          bool reached = false;
#pragma unroll
          for (int c = 0; c < 8; ++c) {
            const double x = spacing[0] * ((c & 4) != 0 ? extent.x - i : i);
            const double y = spacing[1] * ((c & 2) != 0 ? extent.y - j : j);
            const double z = spacing[2] * ((c & 1) != 0 ? extent.z - k : k);
            const double square = x * x + y * y + z * z;
            reached = reached || square == 0 || square < reaches[c];
          }
          if (!reached) return true;
        }
      }
    }
    return false;
  }

  /// +1, -1, or 0 where the samples of the lattice around a grid point do not imply its sign.
  __device__ int implied_sign(const DeviceLattice& lattice, const int3& point) const {
    const int2 is = lattice.cells_at(point.x), js = lattice.cells_at(point.y),
               ks = lattice.cells_at(point.z);
    const double slope = slope_at(point);
    bool inside = false, outside = false;
    for (int i = is.x; i <= is.y + 1; ++i) {
      for (int j = js.x; j <= js.y + 1; ++j) {
        for (int k = ks.x; k <= ks.y + 1; ++k) {
          const float value = lattice.values[lattice.place(i, j, k)] - level;
          if (!isfinite(value)) continue;
          const double x = spacing[0] * (lattice.to_grid(i) - point.x);
          const double y = spacing[1] * (lattice.to_grid(j) - point.y);
          const double z = spacing[2] * (lattice.to_grid(k) - point.z);
          if (x * x + y * y + z * z >= reach(value, slope, lattice.shape.stride)) continue;
          (value > 0 ? inside : outside) = true;
        }
      }
    }
    return inside == outside ? 0 : inside ? 1 : -1;
  }
};

}  // namespace sinter::mesh::cuda
