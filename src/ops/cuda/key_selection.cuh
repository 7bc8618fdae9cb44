#pragma once
// What the kernels behind key_selection.h share. Internal to the room.

#include <algorithm>

#include "ops/cuda/key_selection.h"
#include "ops/cuda/launch.h"
#include "ops/cuda/pack.cuh"
#include "ops/cuda/row_sum.cuh"

namespace sinter::ops::cuda {

inline constexpr const char* kName = "key selection";
inline constexpr int kMaxDim = 256;
inline constexpr int kChoiceThreads = 512;  // of a block that has one choice to make

inline void check_keys(const ChoiceKeys& k) {
  SINTER_CHECK(k.data != nullptr && aligned(k.data) && is_16_bit(k.dtype) && k.keys >= 1 &&
                   k.keys <= kMaxChoiceKeys && k.heads >= 1 && k.heads < 65536 && k.dim >= 8 &&
                   k.dim <= kMaxDim && k.dim % kVector == 0,
               ErrorCode::invalid_argument,
               "[",
               kName,
               "] expected 1..",
               kMaxChoiceKeys,
               " aligned 16-bit keys of a multiple of 8 channels, at most ",
               kMaxDim,
               ", got ",
               k.keys,
               " keys, ",
               k.heads,
               " heads of ",
               k.dim,
               " ",
               to_string(k.dtype));
}

inline void check_groups(std::int64_t groups) {
  SINTER_CHECK(groups >= 1 && groups <= RowGroups::kMost,
               ErrorCode::invalid_argument,
               "[",
               kName,
               "] expected 1..",
               RowGroups::kMost,
               " groups, got ",
               groups);
}

/// \return the longest group's rows.
inline int check_groups(const RowGroups& groups) {
  check_groups(groups.count);
  int longest = 0;
  for (int g = 0; g < groups.count; ++g) {
    const int rows = groups.first[g + 1] - groups.first[g];
    SINTER_CHECK(groups.first[g] >= 0 && rows > 0,
                 ErrorCode::invalid_argument,
                 "[",
                 kName,
                 "] group ",
                 g,
                 ": expected at least one query, got ",
                 rows);
    longest = std::max(longest, rows);
  }
  return longest;
}

/// Calls body(T{}) with the keys' element type.
template <class Body>
void with_type(DType dtype, Body body) {
  dtype == DType::f16 ? body(__half{}) : body(__nv_bfloat16{});
}

/// Sum of x over the threads before this one; all Threads of the block take part.
template <int Threads>
__device__ __forceinline__ std::uint32_t sum_before(std::uint32_t x) {
  __shared__ std::uint32_t totals[Threads / kWarp];
  const int lane = static_cast<int>(threadIdx.x) % kWarp,
            warp = static_cast<int>(threadIdx.x) / kWarp;
  std::uint32_t through = x;
#pragma unroll
  for (int step = 1; step < kWarp; step *= 2) {
    const std::uint32_t other = __shfl_up_sync(~0U, through, step);
    if (lane >= step) through += other;
  }
  if (lane == kWarp - 1) totals[warp] = through;
  __syncthreads();
  std::uint32_t before = through - x;
  for (int w = 0; w < warp; ++w) before += totals[w];
  return before;
}

}  // namespace sinter::ops::cuda
