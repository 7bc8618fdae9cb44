#pragma once
// The geometry decoder: value of the shape's field at any point of space, by one cross-attention
// block from the point to the decoded latent tokens.
//
// Zhang et al.: "3DShape2VecSet: a 3D shape representation for neural fields and generative
// diffusion models", 2023. Upstream: hy3dgen/shapegen/models/autoencoders/attention_blocks.py
// (CrossAttentionDecoder). The selection of keys for a region: Lai et al., "FlashVDM" (arXiv
// 2503.16302); upstream: attention_processors.py.

#include <optional>
#include <span>
#include <vector>

#include "models/shape_vae_config.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"

namespace sinter::models {

/// Everything about one shape that does not depend on the query point. Owns its memory, independent
/// of any arena. Move only.
struct GeometryMemory {
  ops::PackedKeyValues keys_values;  ///< of its L latent tokens, keys normed
};

/// Which of a shape's keys are kept for a region of space.
enum class KeyRule {
  mean,    ///< for each head the kept_keys() with the largest mean product with the queries
  merged,  ///< for all heads those that have, for any query, a mean weight above 1e-6
};

/// Keys that KeyRule::mean keeps of L: 1024 of 3072, 256 of 512, else a third (at least one).
std::int64_t kept_keys(std::int64_t keys);

/// Points that are answered from the part of a shape that matters near a sample. f32; each may be
/// where the points of GeometryDecoder::query() may.
struct QueryGroup {
  Tensor sample;  ///< [S, 3], S at least 1
  Tensor points;  ///< [P, 3], any P
  Tensor logits;  ///< [P]
};

class GeometryDecoder {
 public:
  /// Binds below the binder's prefix ("vae.geo_decoder" in a bundle).
  GeometryDecoder(const checkpoint::Binder& binder, const ShapeVaeConfig& config);

  /// tokens [L, W] of ShapeVae::decode().
  GeometryMemory remember(Context& ctx, const Tensor& tokens) const;

  /// points f32 [P, 3], inside [-1.01, 1.01] -> logits f32 [P]: positive inside the shape, negative
  /// outside. Any P; points are worked on in blocks of fixed size, on the host one block a thread,
  /// so that activations stay in the cache and the arena does not grow with P. On the host a
  /// point's logit depends neither on P nor on the other points. Where the context has an
  /// accelerator, each of the two may be there or on the host. Raises ErrorCode::cancelled between
  /// blocks.
  void query(Context& ctx,
             const GeometryMemory& memory,
             const Tensor& points,
             const Tensor& logits) const;

  /// query() of each group's points with the keys alone that matter near its sample, which costs
  /// less and gives nearly the same. The caller chooses how densely a sample covers its group. On
  /// an accelerator groups whose points and logits lie there are worked on together: many groups
  /// choose their keys at a time (KeyRule::merged waits for how many each has), and points of
  /// several make up one block where they, and their logits, lie one behind the other in memory.
  /// Raises ErrorCode::cancelled between blocks.
  void query_groups(Context& ctx,
                    const GeometryMemory& memory,
                    std::span<const QueryGroup> groups,
                    KeyRule rule) const;

 private:
  /// The part of `memory` that matters near each group's sample.
  std::vector<GeometryMemory> focus(Context& ctx,
                                    const GeometryMemory& memory,
                                    std::span<const QueryGroup> groups,
                                    KeyRule rule) const;
  void query_alone(Context& ctx,
                   const GeometryMemory& memory,
                   const QueryGroup& group,
                   KeyRule rule) const;
  /// Points and logits of the groups, on the device; one memory a group.
  void query_together(Context& ctx,
                      std::span<const GeometryMemory> memories,
                      std::span<const QueryGroup> groups) const;
  Tensor embed(Context& ctx, const Tensor& points) const;
  void query_on_device(Context& ctx,
                       const GeometryMemory& memory,
                       const Tensor& points,
                       const Tensor& logits) const;
  void query_block(Context& ctx,
                   std::span<const nn::MemoryGroup> memory,
                   const Tensor& points,
                   const Tensor& logits) const;

  ops::FourierOptions fourier_;
  nn::Linear query_proj_;
  std::optional<nn::Linear> latents_proj_;  // W -> G, where G is not W
  nn::CrossAttentionBlock block_;
  std::optional<nn::LayerNorm> ln_post_;
  nn::Linear output_proj_;
};

}  // namespace sinter::models
