#pragma once
// Scaled dot-product attention: dst = softmax(scale * q k^T + bias) v for each head.
//
// Blocked with an online softmax (Milakov and Gimelshein, "Online normalizer calculation for
// softmax", 2018; Dao et al., "FlashAttention", 2022): no more than a block of queries times a
// block of keys of the score matrix exists at any time. The blocks depend on the shapes only, so
// the result does not depend on the number of threads, and a query's result does not depend on
// which other queries run beside it.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/context.h"
#include "ops/view.h"

namespace sinter::ops {

class LinearWeight;

struct AttentionOptions {
  /// Factor of the logits; 0 stands for 1 / sqrt(dim).
  float scale = 0.0F;
  /// Added to the logit of key 0 after scaling. ln(n) makes key 0 count as n equal keys (spec of
  /// the collapsed unconditional context).
  float first_key_bias = 0.0F;
  /// The weight that multiplies the result, where `dst` is e4m3: see LinearWeight::input_scale().
  const LinearWeight* reader = nullptr;
};

/// Some of a sequence's keys, for each head the same number of them.
struct KeyLists {
  std::int64_t heads = 0;
  std::int64_t count = 0;           ///< keys of a head, at least 1
  std::vector<std::int32_t> index;  ///< [heads][count], each in 0 .. keys - 1
};

/// Keys and values in the layout that the back end multiplies with. For keys that many calls share,
/// such as the latents that every chunk of a volume's query points attends to; owns its copy. Move
/// only.
class PackedKeyValues {
 public:
  PackedKeyValues() = default;
  /// k, v: [keys, heads, dim], each a view or a list of views; at least one key. Runs on
  /// ctx.threads.
  PackedKeyValues(Context& ctx, const HeadList& k, const HeadList& v);
  /// Takes over what lies on a device: data() of so many keys.
  PackedKeyValues(Buffer packed,
                  std::int64_t keys,
                  std::int64_t heads,
                  std::int64_t dim,
                  DType dtype,
                  Device device)
      : keys_(keys),
        heads_(heads),
        dim_(dim),
        device_(device),
        dtype_(dtype),
        packed_(std::move(packed)) {}

  /// A copy of the listed keys and their values: attention over it is attention over those keys
  /// alone. On the host only; see choose_top_keys() for a device. Runs on ctx.threads.
  PackedKeyValues gather(Context& ctx, const KeyLists& lists) const;

  std::int64_t keys() const { return keys_; }
  std::int64_t heads() const { return heads_; }
  std::int64_t dim() const { return dim_; }
  std::size_t bytes() const { return packed_.size(); }
  Device device() const { return device_; }
  DType dtype() const { return dtype_; }
  /// For a device: keys [keys, heads, dim], then values of the same shape, of dtype().
  const void* data() const { return packed_.data(); }
  /// For the host: all keys, then all values, head by head.
  const float* packed() const { return reinterpret_cast<const float*>(packed_.data()); }
  /// For the host: the keys of one head, in panels of gemm().
  const float* packed_keys(std::int64_t head) const;

 private:
  std::int64_t keys_ = 0;
  std::int64_t heads_ = 0;
  std::int64_t dim_ = 0;
  Device device_ = Device::cpu;
  DType dtype_ = DType::f32;
  Buffer packed_;
};

/// q, dst: [tokens, heads, dim]; k, v: [keys, heads, dim]; each a view or a list of views standing
/// for their concatenation. q and dst hold the same number of tokens, k and v the same number of
/// keys; how each is cut into segments is free. dst must not overlap k or v; it may be q itself.
/// At least one key. On a device dst may be e4m3, all of one call alike.
void attention(Context& ctx,
               const HeadList& q,
               const HeadList& k,
               const HeadList& v,
               const HeadList& dst,
               const AttentionOptions& options = {});

/// One sequence of a call of attention().
struct AttentionInput {
  HeadList q, k, v, dst;
  AttentionOptions options = {};
};

/// Several sequences that do not see each other, such as the halves of classifier-free guidance: on
/// a device they run together. At most 4.
void attention(Context& ctx, std::span<const AttentionInput> sequences);

/// The same with keys and values packed before; gives the same bytes. For few queries against many
/// keys: packing costs about as much as eight queries do.
void attention(Context& ctx,
               const HeadList& q,
               const PackedKeyValues& keys,
               const HeadList& dst,
               const AttentionOptions& options = {});

/// Queries, and the packed keys that they attend to.
struct PackedAttentionInput {
  HeadList q;
  const PackedKeyValues* keys;
  HeadList dst;
};

/// The same for any number of groups of queries, at least one, all on one device, which has several
/// at work at a time.
void attention(Context& ctx,
               std::span<const PackedAttentionInput> groups,
               const AttentionOptions& options = {});

}  // namespace sinter::ops
