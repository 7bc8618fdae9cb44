#pragma once
// Kernels at both ends of a network over points or pixels on the GPU: coordinates, Fourier
// features, image patches, and the one-channel output layer. They queue on the stream and return;
// errors as in rows.h.

#include <cuda_runtime.h>

#include <array>
#include <cstdint>

#include "ops/cuda/rows.h"
#include "ops/embedding.h"

namespace sinter::ops::cuda {

/// dst [count, 3 + 6 n] = ops::fourier_embed() of points [count, 3], f32 on the device; columns of
/// dst beyond are zero. Angles are formed in f32 by doubling, as on the CPU; |angle| below 8192.
void fourier_embed(const Rows& dst,
                   const float* points,
                   std::int64_t count,
                   const FourierOptions& options,
                   cudaStream_t stream);

/// Points of a regular grid, (i * points + j) * points + k that at (x_i, y_j, z_k). Coordinate i of
/// an axis is lower + i * step in float64, the last one is upper, rounded once to f32: the
/// coordinates of mesh::Grid where step is (upper - lower) / (points - 1).
struct GridPoints {
  std::array<double, 3> lower{}, step{}, upper{};
  std::int64_t points = 0;  ///< along each axis, at least 2
};

/// points [count, 3] = points first .. first + count - 1 of the grid.
void grid_points(float* points,
                 std::int64_t first,
                 std::int64_t count,
                 const GridPoints& grid,
                 cudaStream_t stream);

/// dst[r] = bias + sum over c of x[r, c] * weight[c]; weight [columns] of x's dtype. The second
/// form reads the bias from device memory; null stands for none.
void dot_rows(float* dst, const Rows& x, const void* weight, float bias, cudaStream_t stream);
void dot_rows(
    float* dst, const Rows& x, const void* weight, const float* bias, cudaStream_t stream);

/// The same of layer_norm(x), which is never rounded nor written: at most kMaxNormColumns columns,
/// all vectors of x's dtype.
void layer_norm_dot_rows(float* dst,
                         const Rows& x,
                         const void* norm_weight,
                         const void* norm_bias,
                         float eps,
                         const void* weight,
                         float bias,
                         cudaStream_t stream);
void layer_norm_dot_rows(float* dst,
                         const Rows& x,
                         const void* norm_weight,
                         const void* norm_bias,
                         float eps,
                         const void* weight,
                         const float* bias,
                         cudaStream_t stream);

/// Row t of dst = patch t (row major) of image [channels, height, width], f32 on the device, in the
/// order channel, line, column: what a convolution whose stride is its kernel size multiplies its
/// weights with. Columns of dst beyond channels * patch * patch are zero. height and width are
/// multiples of `patch`.
void patches(const Rows& dst,
             const float* image,
             std::int64_t channels,
             std::int64_t height,
             std::int64_t width,
             std::int64_t patch,
             cudaStream_t stream);

}  // namespace sinter::ops::cuda
