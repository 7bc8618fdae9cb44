#pragma once
// In which order PyTorch's CUDA kernels (2.11) add the elements of a row: which of its kernels
// runs, and how many threads share the row there. What torch_sums.cuh needs to give the same bits.
//
// Sources: ATen/native/cuda/Reduce.cuh (setReduceConfig) and ReduceMomentKernel.cu for torch.mean,
// layer_norm_kernel.cu for layer_norm and rms_norm.

#include <algorithm>
#include <cstdint>

namespace sinter::fused::cuda {

/// torch.mean over the last dimension of contiguous f32 [rows, columns] that starts at a multiple
/// of 16 bytes, as the result of an operator does.
struct MeanOrder {
  int width = 1;          ///< threads of a warp's dimension: powers of two, together at most 512
  int height = 1;         ///< and of the other, where it shares the row
  bool vectors = false;   ///< four consecutive elements a thread and step, else one
  float factor = 1.0F;    ///< the mean is the sum times this
  bool one_block = true;  ///< not so: PyTorch splits a row over several blocks
};

inline MeanOrder mean_order(std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kMostThreads = 512, kWarpLanes = 32;
  constexpr std::int64_t kFewest = 16, kMost = 256;  // values a thread
  const auto floor_power = [&](std::int64_t n) {
    std::int64_t power = 1;
    while (power * 2 <= std::min(n, kMostThreads)) power *= 2;
    return power;
  };
  MeanOrder order;
  order.vectors = columns >= 128;
  const std::int64_t across = floor_power(order.vectors ? columns / 4 : columns);
  std::int64_t width = std::min(across, kWarpLanes);
  const std::int64_t height = std::min(floor_power(rows), kMostThreads / width);
  width = std::min(across, kMostThreads / height);
  const auto values = [&](std::int64_t threads) { return (columns + threads - 1) / threads; };
  order.width = static_cast<int>(width);
  if (values(width) >= std::min(height * kFewest, kMost)) {
    order.height = static_cast<int>(height);
    order.one_block = values(width * height) < kMost;
  }
  order.factor = static_cast<float>(rows) / static_cast<float>(rows * columns);
  return order;
}

/// The layout that torch_sums.cuh's warp_inverse_rms() sums: one warp a row, no row that begins
/// between two vectors.
inline bool is_warp_order(const MeanOrder& order, std::int64_t columns) {
  return order.vectors && order.width == 32 && order.height == 1 && columns % 4 == 0;
}

/// How layer_norm and rms_norm take the statistics of a row.
enum class NormOrder : std::uint8_t {
  vectors,  ///< 128 threads, of which thread t takes four elements at 4 t, 4 (t + 128), ...
  single,   ///< 512 threads, of which thread t takes the elements t, t + 512, ...
};

/// `aligned`: x and the parameters start at a multiple of four of their elements.
inline NormOrder norm_order(std::int64_t columns, bool aligned) {
  constexpr std::int64_t kMostVectored = std::int64_t{1} << 24;  // counts are f32 there
  return aligned && columns % 4 == 0 && columns <= kMostVectored ? NormOrder::vectors
                                                                 : NormOrder::single;
}

}  // namespace sinter::fused::cuda
