#include <algorithm>
#include <numbers>

#include "core/error.h"
#include "cuda/status.h"
#include "ops/cuda/launch.h"
#include "ops/cuda/pack.cuh"
#include "ops/cuda/points.h"
#include "ops/cuda/row_sum.cuh"

namespace sinter::ops::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int kTile = 64;  // points of a block of fourier_kernel: a thread for each coordinate
constexpr int kMaxFrequencies = 16, kMaxFeatures = 3 + 6 * kMaxFrequencies;

/// Features are gathered in shared memory, so that rows leave it in wide stores.
template <class T>
__global__ void __launch_bounds__(3 * kTile) fourier_kernel(T* dst,
                                                            std::int64_t dst_stride,
                                                            int columns,
                                                            bool wide,
                                                            const float* points,
                                                            std::int64_t count,
                                                            int frequencies,
                                                            float base) {
  __shared__ float features[kTile * kMaxFeatures];
  const int used = 3 + 6 * frequencies;
  const std::int64_t first = std::int64_t{blockIdx.x} * kTile;
  const int present = static_cast<int>(min(count - first, std::int64_t{kTile}));
  const int thread = static_cast<int>(threadIdx.x), point = thread / 3, axis = thread % 3;
  if (point < present) {
    const float coordinate = points[3 * first + thread];
    float* const row = features + point * used;
    row[axis] = coordinate;
    float angle = coordinate * base;
    for (int j = 0; j < frequencies; ++j, angle += angle) {
      float* const sine = row + 3 + axis * frequencies + j;
      sincosf(angle, sine, sine + 3 * frequencies);
    }
  }
  __syncthreads();
  const int per_row = (columns + kVector - 1) / kVector;
  for (int i = thread; i < present * per_row; i += 3 * kTile) {
    const int column = i % per_row * kVector;
    float values[kVector];
    load_some(features + i / per_row * used + column, used - column, values);
    T* const to = dst + (first + i / per_row) * dst_stride + column;
    if (wide) {
      store_vector(to, values);
    } else {
      store_some(to, columns - column, values);
    }
  }
}

struct GridAxis {
  double lower, step, upper;

  __device__ __forceinline__ float coordinate(std::int64_t i, std::int64_t points) const {
    if (i == points - 1) return static_cast<float>(upper);
    // Unfused, as on the CPU: two roundings of float64.
    return static_cast<float>(__dadd_rn(__dmul_rn(static_cast<double>(i), step), lower));
  }
};

__global__ void __launch_bounds__(kThreads) grid_kernel(float* dst,
                                                        std::int64_t first,
                                                        std::int64_t count,
                                                        std::int64_t points,
                                                        GridAxis x,
                                                        GridAxis y,
                                                        GridAxis z) {
  const std::int64_t n = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (n >= count) return;
  const std::int64_t index = first + n;
  dst[3 * n] = x.coordinate(index / (points * points), points);
  dst[3 * n + 1] = y.coordinate(index / points % points, points);
  dst[3 * n + 2] = z.coordinate(index % points, points);
}

/// A warp a row.
template <class T>
__global__ void __launch_bounds__(kThreads) dot_kernel(float* dst,
                                                       const T* x,
                                                       std::int64_t stride,
                                                       std::int64_t rows,
                                                       int columns,
                                                       bool wide,
                                                       const T* weight,
                                                       float bias,
                                                       const float* device_bias) {
  const std::int64_t row = std::int64_t{blockIdx.x} * (kThreads / kWarp) + threadIdx.x / kWarp;
  if (row >= rows) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  x += row * stride;
  float sum = 0.0F;
  float a[kVector], b[kVector];
  if (wide) {
#pragma unroll 4
    for (int column = lane * kVector; column < columns; column += kWarp * kVector) {
      load_vector(x + column, a);
      load_vector(weight + column, b);
#pragma unroll
      for (int e = 0; e < kVector; ++e) sum = fmaf(a[e], b[e], sum);
    }
  } else {
    for (int column = lane; column < columns; column += kWarp)
      sum = fmaf(to_float(x[column]), to_float(weight[column]), sum);
  }
  sum = lanes_sum<kWarp>(sum);
  if (lane == 0) dst[row] = sum + (device_bias != nullptr ? *device_bias : bias);
}

struct PatchShape {
  int channels, height, width, patch;
};

template <class T>
__global__ void __launch_bounds__(kThreads) patch_kernel(T* dst,
                                                         std::int64_t dst_stride,
                                                         int columns,
                                                         bool wide,
                                                         const float* image,
                                                         PatchShape shape,
                                                         int total) {
  const int per_row = (columns + kVector - 1) / kVector;
  const int group = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (group >= total) return;
  const int token = group / per_row, column = group % per_row * kVector;
  const int across = shape.width / shape.patch, area = shape.patch * shape.patch;
  const int top = token / across * shape.patch, left = token % across * shape.patch;
  float values[kVector];
#pragma unroll
  for (int e = 0; e < kVector; ++e) {
    const int c = (column + e) / area, within = (column + e) % area;
    const std::int64_t line = std::int64_t{c} * shape.height + top + within / shape.patch;
    values[e] = c < shape.channels ? image[line * shape.width + left + within % shape.patch] : 0.0F;
  }
  T* const to = dst + token * dst_stride + column;
  if (wide) return store_vector(to, values);
  store_some(to, columns - column, values);
}

void dot(float* dst,
         const Rows& x,
         const void* weight,
         float bias,
         const float* device_bias,
         cudaStream_t stream) {
  check_rows("dot_rows", "x", x, x.rows, x.columns);
  if (x.rows == 0) return;
  const bool wide = x.columns % kVector == 0 && aligned(x) && aligned(weight);
  with_element(x.dtype, "dot_rows", [&](auto element) {
    using T = decltype(element);
    dot_kernel<T><<<blocks_for(x.rows, kThreads / kWarp), kThreads, 0, stream>>>(
        dst,
        static_cast<const T*>(x.data),
        x.row_stride,
        x.rows,
        static_cast<int>(x.columns),
        wide,
        static_cast<const T*>(weight),
        bias,
        device_bias);
    sinter::cuda::check_launch("dot_rows");
  });
}

}  // namespace

void fourier_embed(const Rows& dst,
                   const float* points,
                   std::int64_t count,
                   const FourierOptions& options,
                   cudaStream_t stream) {
  const int used = 3 + 6 * options.num_freqs;
  SINTER_CHECK(options.num_freqs >= 1 && options.num_freqs <= kMaxFrequencies,
               ErrorCode::invalid_argument,
               "[fourier_embed] num_freqs: expected 1..",
               kMaxFrequencies,
               ", got ",
               options.num_freqs);
  check_rows("fourier_embed", "dst", dst, count, std::max<std::int64_t>(dst.columns, used));
  if (count == 0) return;
  const bool wide = aligned(dst) && dst.columns % kVector == 0;
  with_element(dst.dtype, "fourier_embed", [&](auto element) {
    using T = decltype(element);
    fourier_kernel<T><<<blocks_for(count, kTile), 3 * kTile, 0, stream>>>(
        static_cast<T*>(dst.data),
        dst.row_stride,
        static_cast<int>(dst.columns),
        wide,
        points,
        count,
        options.num_freqs,
        options.include_pi ? std::numbers::pi_v<float> : 1.0F);
    sinter::cuda::check_launch("fourier_embed");
  });
}

void grid_points(float* points,
                 std::int64_t first,
                 std::int64_t count,
                 const GridPoints& grid,
                 cudaStream_t stream) {
  const std::int64_t n = grid.points;
  SINTER_CHECK(n >= 2 && n < std::int64_t{1} << 20 && first >= 0 && count >= 0 &&
                   first + count <= n * n * n && count < std::int64_t{1} << 31,
               ErrorCode::invalid_argument,
               "[grid_points] expected points of a grid of ",
               n,
               " along each axis, got ",
               count,
               " from ",
               first);
  if (count == 0) return;
  const auto axis = [&](std::size_t a) {
    return GridAxis{grid.lower[a], grid.step[a], grid.upper[a]};
  };
  grid_kernel<<<blocks_for(count, kThreads), kThreads, 0, stream>>>(
      points, first, count, n, axis(0), axis(1), axis(2));
  sinter::cuda::check_launch("grid_points");
}

void dot_rows(float* dst, const Rows& x, const void* weight, float bias, cudaStream_t stream) {
  dot(dst, x, weight, bias, nullptr, stream);
}

void dot_rows(
    float* dst, const Rows& x, const void* weight, const float* bias, cudaStream_t stream) {
  dot(dst, x, weight, 0.0F, bias, stream);
}

void patches(const Rows& dst,
             const float* image,
             std::int64_t channels,
             std::int64_t height,
             std::int64_t width,
             std::int64_t patch,
             cudaStream_t stream) {
  SINTER_CHECK(channels > 0 && patch > 0 && height > 0 && width > 0 && height % patch == 0 &&
                   width % patch == 0 && patch < 1024 && std::max(height, width) < 1 << 20,
               ErrorCode::invalid_argument,
               "[patches] image: expected height and width to be multiples of ",
               patch,
               ", got ",
               height,
               " x ",
               width);
  const std::int64_t used = channels * patch * patch;
  check_rows("patches",
             "dst",
             dst,
             height / patch * (width / patch),
             std::max<std::int64_t>(dst.columns, used));
  const PatchShape shape{static_cast<int>(channels),
                         static_cast<int>(height),
                         static_cast<int>(width),
                         static_cast<int>(patch)};
  const bool wide = aligned(dst) && dst.columns % kVector == 0;
  const std::int64_t total = dst.rows * ((dst.columns + kVector - 1) / kVector);
  with_element(dst.dtype, "patches", [&](auto element) {
    using T = decltype(element);
    patch_kernel<T>
        <<<blocks_for(total, kThreads), kThreads, 0, stream>>>(static_cast<T*>(dst.data),
                                                               dst.row_stride,
                                                               static_cast<int>(dst.columns),
                                                               wide,
                                                               image,
                                                               shape,
                                                               static_cast<int>(total));
    sinter::cuda::check_launch("patches");
  });
}

}  // namespace sinter::ops::cuda
