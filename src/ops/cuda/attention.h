#pragma once
// Scaled dot-product attention on Hopper: dst = softmax(scale * q k^T) v for each head, f16 or
// bf16, sums f32.
//
// Several sequences of different lengths in one launch, each in up to two stretches of memory: the
// two halves of classifier-free guidance, each a stretch of condition tokens and one of latents,
// fill the card together.
//
// Dao et al.: "FlashAttention", 2022; Shah et al.: "FlashAttention-3: fast and accurate attention
// with asynchrony and low-precision", 2024 (a producer warp that copies, consumer warpgroups that
// take turns between products and softmax, the product of one block of keys under way during the
// softmax of the next).

#include <cuda_runtime.h>

#include <array>
#include <cstdint>
#include <span>

#include "cuda/memory.h"
#include "cuda/tensor_map.h"

namespace sinter::ops::cuda {

/// Queries of one sequence that lie in one stretch, and where their results go: [tokens, heads,
/// dim].
struct QuerySegment {
  sinter::cuda::HeadRows q, dst;
};
/// Keys and values of one stretch.
struct KeySegment {
  sinter::cuda::HeadRows k, v;
};

struct AttentionSequence {
  static constexpr int kMaxSegments = 2;
  /// Segments without tokens are absent; at least one query and one key.
  std::array<QuerySegment, kMaxSegments> queries{};
  std::array<KeySegment, kMaxSegments> keys{};
  /// Added to the logit of key 0 after scaling: ln(n) makes it count as n equal keys. Not zero: the
  /// first key segment must be one token.
  float first_key_bias = 0.0F;
};

/// What attention() keeps between launches: two counters on the device, zero between launches. One
/// a stream.
class AttentionWorkspace {
 public:
  AttentionWorkspace() : counters_(2 * sizeof(int)) { counters_.fill(0); }
  int* counters() const { return counters_.as<int>(); }

 private:
  sinter::cuda::DeviceMemory counters_;
};

struct AttentionCall {
  static constexpr int kMaxSequences = 4;
  std::span<const AttentionSequence> sequences;  ///< 1..kMaxSequences, all of equal heads and dim
  DType dtype = DType::f16;                      ///< f16 or bf16
  float scale = 0.0F;                            ///< above 0; 0 stands for 1 / sqrt(dim)
  /// Queries of a tile for heads of 64: 128 or 192; 0 takes what ends earlier. The results are the
  /// same.
  int query_block = 0;
  /// Not 0: every dst is e4m3, where rows may start at any multiple of 2 bytes, and holds the
  /// result times this.
  float dst_factor = 0.0F;
};

/// dim 64 or 128. dst may be q, not k or v. Every row starts at a multiple of 16 bytes. Queues on
/// the stream and returns. Raises ErrorCode::invalid_argument for what is outside these limits,
/// ErrorCode::device where the launch fails.
void attention(const AttentionCall& call, const AttentionWorkspace& workspace, cudaStream_t stream);

}  // namespace sinter::ops::cuda
