#pragma once
// FlashVDM's choice of keys for groups of queries, on the GPU: the steps of ops/key_selection.h.
//
// All queue on the stream and return. They raise ErrorCode::invalid_argument for what is outside
// the limits, ErrorCode::device where the launch fails. Results do not depend on timing.

#include <cuda_runtime.h>

#include <cstdint>

#include "core/dtype.h"

namespace sinter::ops::cuda {

/// Keys that a choice can be made from.
inline constexpr std::int64_t kMaxChoiceKeys = 8192;

/// Groups of consecutive rows, one behind the other: group g has rows first[g] .. first[g + 1] - 1,
/// at least one.
struct RowGroups {
  static constexpr int kMost = 64;
  int count = 0;  ///< 1..kMost
  int first[kMost + 1] = {};
};

/// Queries: vector (row, head) starts at data[row * row_stride + head * head_stride].
struct ChoiceQueries {
  const void* data = nullptr;
  std::int64_t row_stride = 0, head_stride = 0;  ///< in elements
};

/// A device's PackedKeyValues: keys [keys, heads, dim], then values of the same shape; aligned to
/// 16 bytes.
struct ChoiceKeys {
  const void* data = nullptr;
  DType dtype = DType::f16;  ///< f16 or bf16; the queries are of the same type
  std::int64_t keys = 0;     ///< 1..kMaxChoiceKeys
  std::int64_t heads = 0;    ///< at least 1
  std::int64_t dim = 0;      ///< a multiple of 8, at most 256
};

/// mean [groups, heads, dim] = the mean of each group's queries, summed in f32.
void mean_queries(float* mean,
                  const ChoiceQueries& q,
                  const ChoiceKeys& like,
                  const RowGroups& groups,
                  cudaStream_t stream);

/// index [groups, heads, count] = for each row of mean [groups, heads, dim] the keys of the largest
/// product: ascending; of equal products the first; NaN counts as -inf. count in 1..keys.
void top_keys(std::int32_t* index,
              const float* mean,
              const ChoiceKeys& keys,
              std::int64_t groups,
              std::int64_t count,
              cudaStream_t stream);

/// Sets marked[group][key] where the mean over heads of softmax(q k^T) exceeds `threshold` for some
/// query of the group; others are left alone.
void mark_attended_keys(std::uint8_t* marked,
                        const ChoiceQueries& q,
                        const ChoiceKeys& keys,
                        const RowGroups& groups,
                        float threshold,
                        cudaStream_t stream);

/// index [groups, keys]: each group's marked keys, ascending; counts [groups]: how many there are.
void marked_keys(std::int32_t* index,
                 std::int32_t* counts,
                 const std::uint8_t* marked,
                 std::int64_t keys,
                 std::int64_t groups,
                 cudaStream_t stream);

/// Where the chosen keys of each group go: count[g] keys [count, heads, dim], then their values;
/// aligned to 16 bytes.
struct ChosenKeys {
  int groups = 0;  ///< 1..RowGroups::kMost
  void* to[RowGroups::kMost] = {};
  int count[RowGroups::kMost] = {};  ///< at least 1
};

/// Key n of a group's head is index[group * group_stride + head * head_stride + n], in 0..keys - 1
/// (not checked); a head_stride of zero gives all heads the same.
void gather_keys(const ChosenKeys& chosen,
                 const ChoiceKeys& from,
                 const std::int32_t* index,
                 std::int64_t group_stride,
                 std::int64_t head_stride,
                 cudaStream_t stream);

}  // namespace sinter::ops::cuda
