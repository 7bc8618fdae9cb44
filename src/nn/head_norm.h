#pragma once
// Normalisation of queries and keys, head by head, in place.

#include <cstdint>
#include <string_view>

#include "checkpoint/binder.h"
#include "nn/layer_norm.h"
#include "ops/norm.h"
#include "ops/view.h"

namespace sinter::nn {

/// RMS norm with learned scales shared by all heads: the DiTs'.
struct RmsHeadNorm {
  Tensor query_scale;  ///< [dim]
  Tensor key_scale;    ///< [dim]
  float eps = 1e-6F;

  RmsHeadNorm() = default;
  /// The tensors to bind.
  struct Names {
    std::string_view query;
    std::string_view key;
  };
  RmsHeadNorm(const checkpoint::Binder& binder,
              const Names& names,
              std::int64_t dim,
              float epsilon);

  void apply_query(Context& ctx, const ops::HeadView& q) const;
  void apply_key(Context& ctx, const ops::HeadView& k) const;
  /// Both, of one fused projection.
  void apply(Context& ctx, const ops::HeadView& q, const ops::HeadView& k) const;
};

/// LayerNorm over each head's channels, shared by all heads: the VAE's, which calls it qk_norm.
/// Does nothing where it was made without weights.
struct LayerHeadNorm {
  LayerNorm query;
  LayerNorm key;
  bool enabled = false;

  LayerHeadNorm() = default;
  /// Binds "q_norm.*" and "k_norm.*".
  LayerHeadNorm(const checkpoint::Binder& binder, std::int64_t dim, float epsilon);

  void apply_query(Context& ctx, const ops::HeadView& q) const;
  void apply_key(Context& ctx, const ops::HeadView& k) const;
};

}  // namespace sinter::nn
