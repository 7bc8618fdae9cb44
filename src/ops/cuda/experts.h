#pragma once
// Routing of a mixture of experts on the GPU: which rows go to which expert, and the way there and
// back. Nothing returns to the host. The semantics are those of ops/experts.h.
//
// Every row goes to `top_k` experts, so rows * top_k rows are worked on: "places", grouped by
// expert, ascending by row within each.

#include <cuda_runtime.h>

#include <cstdint>

#include "ops/cuda/rows.h"

namespace sinter::ops::cuda {

/// Where route_experts() writes, all on the device; the others read the last three arrays alone.
/// R rows, E experts, k = top_k.
struct ExpertRoutes {
  static constexpr int kMaxExperts = 16, kMaxTopK = 4;
  std::int64_t rows = 0;
  int experts = 0;  ///< 1..kMaxExperts
  int top_k = 0;    ///< 1..min(kMaxTopK, experts)

  int* counts = nullptr;           ///< [E] places of each expert
  int* offsets = nullptr;          ///< [E + 1] its first place; the last is R * k
  int* scratch = nullptr;          ///< [scratch_ints(R)]
  int* place_rows = nullptr;       ///< [R * k] the row of each place
  float* place_weights = nullptr;  ///< [R * k] with which probability that row chose the expert
  int* row_places = nullptr;       ///< [R, k] the places of each row, ascending by expert

  /// Integers that route_experts() needs for itself.
  static std::int64_t scratch_ints(std::int64_t rows);
};

/// logits [R, E] -> the routes: softmax probabilities over all E, not renormalised over the chosen;
/// of equally probable experts the one of lower index. Raises ErrorCode::invalid_argument for what
/// is outside these limits.
void route_experts(const ExpertRoutes& routes, const Rows& logits, cudaStream_t stream);

/// dst [R * k, C]: place p = row place_rows[p] of src; equal dtypes.
void gather_rows(const ExpertRoutes& routes, const Rows& dst, const Rows& src, cudaStream_t stream);

/// x[r] += the sum over the places p of row r of place_weights[p] * y[p], in the order of the
/// experts, rounded once; y [R * k, C].
void scatter_add_rows(const ExpertRoutes& routes,
                      const Rows& x,
                      const Rows& y,
                      cudaStream_t stream);

}  // namespace sinter::ops::cuda
