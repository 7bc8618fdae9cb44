#include "nn/head_norm.h"

namespace sinter::nn {

RmsHeadNorm::RmsHeadNorm(const checkpoint::Binder& binder,
                         const Names& names,
                         std::int64_t dim,
                         float epsilon)
    : query_scale(binder.take(names.query, {dim})),
      key_scale(binder.take(names.key, {dim})),
      eps(epsilon) {}

void RmsHeadNorm::apply_query(Context& ctx, const ops::HeadView& q) const {
  ops::rms_norm_heads_in_place(ctx, q, query_scale, eps);
}

void RmsHeadNorm::apply_key(Context& ctx, const ops::HeadView& k) const {
  ops::rms_norm_heads_in_place(ctx, k, key_scale, eps);
}

void RmsHeadNorm::apply(Context& ctx, const ops::HeadView& q, const ops::HeadView& k) const {
  ops::rms_norm_heads_in_place(ctx, q, k, query_scale, key_scale, eps);
}

LayerHeadNorm::LayerHeadNorm(const checkpoint::Binder& binder, std::int64_t dim, float epsilon)
    : query(binder, "q_norm", dim, epsilon), key(binder, "k_norm", dim, epsilon), enabled(true) {}

void LayerHeadNorm::apply_query(Context& ctx, const ops::HeadView& q) const {
  if (enabled) ops::layer_norm_heads_in_place(ctx, q, query.weight, query.bias, query.eps);
}

void LayerHeadNorm::apply_key(Context& ctx, const ops::HeadView& k) const {
  if (enabled) ops::layer_norm_heads_in_place(ctx, k, key.weight, key.bias, key.eps);
}

}  // namespace sinter::nn
