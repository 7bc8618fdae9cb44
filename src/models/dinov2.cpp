#include "models/dinov2.h"

#include "nn/tap.h"
#include "ops/activation.h"
#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/patch_embed.h"
#include "ops/resize.h"
#include "ops/transfer.h"

namespace sinter::models {

Dinov2Layer::Dinov2Layer(const checkpoint::Binder& layer, const Dinov2Config& config)
    : heads(config.heads),
      norm1(layer, "norm1", config.width, config.norm_eps),
      norm2(layer, "norm2", config.width, config.norm_eps),
      out(layer, "attention.output.dense", config.width, config.width),
      scale1(layer.take("layer_scale1.lambda1", {config.width})),
      scale2(layer.take("layer_scale2.lambda1", {config.width})),
      swiglu(config.swiglu) {
  const checkpoint::Binder attention = layer.scope("attention").scope("attention");
  qkv = nn::Linear::stacked(
      attention, {"query", "key", "value"}, config.width, config.width, config.qkv_bias);
  const checkpoint::Binder ffn = layer.scope("mlp");
  if (swiglu) {
    swiglu_in = nn::Linear(ffn, "weights_in", config.width, 2 * config.inner());
    swiglu_out = nn::Linear(ffn, "weights_out", config.inner(), config.width);
  } else {
    mlp = nn::Mlp(
        ffn, {.fc = "fc1", .proj = "fc2"}, config.width, config.inner(), ops::Activation::gelu_erf);
  }
}

void Dinov2Layer::forward(Context& ctx, const Tensor& x) const {
  {
    ArenaScope scope(ctx.arena());
    const std::int64_t width = x.dim(1), d = width / heads;
    const Tensor fused = qkv.forward(ctx, norm1.forward(ctx, x));
    const ops::HeadView queries = ops::heads_of(fused, heads, d, 0, d);
    ops::attention(ctx,
                   queries,
                   ops::heads_of(fused, heads, d, width, d),
                   ops::heads_of(fused, heads, d, 2 * width, d),
                   queries);
    out.add_to(ctx, x, scale1, ops::columns(fused, 0, width));
  }
  feed_forward(ctx, x);
}

void Dinov2Layer::feed_forward(Context& ctx, const Tensor& x) const {
  ArenaScope scope(ctx.arena());
  const Tensor u = norm2.forward(ctx, x);
  if (swiglu) {
    swiglu_out.add_to(ctx, x, scale2, ops::silu_mul(ctx, swiglu_in.forward(ctx, u)));
  } else {
    mlp.add_to(ctx, x, scale2, u);
  }
}

Dinov2::Dinov2(const checkpoint::Binder& binder, const Dinov2Config& config) : config_(config) {
  const checkpoint::Binder embeddings = binder.scope("embeddings");
  const std::int64_t positions = 1 + config.grid() * config.grid();
  cls_token_ = embeddings.take("cls_token", {1, 1, config.width});
  positions_ = embeddings.take("position_embeddings", {1, positions, config.width});
  host_positions_ = embeddings.take_on_host("position_embeddings", {1, positions, config.width});
  embeddings.skip("mask_token");  // of the training task
  patches_ = nn::Linear::convolution(
      embeddings,
      "patch_embeddings.projection",
      {config.width, config.channels, config.patch_size, config.patch_size});
  const checkpoint::Binder encoder = binder.scope("encoder");
  for (std::int64_t i = 0; i < config.layers; ++i) {
    layers_.emplace_back(encoder.scope("layer", i), config);
  }
  norm_ = nn::LayerNorm(binder, "layernorm", config.width, config.norm_eps);
}

Tensor Dinov2::patch_positions(Context& ctx, std::int64_t rows, std::int64_t columns) const {
  const std::int64_t grid = config_.grid(), width = config_.width;
  const auto without_class = [&](const Tensor& table) {
    return table.reshape({1 + grid * grid, width}).slice(1, 1 + grid * grid);
  };
  if (rows == grid && columns == grid) return without_class(positions_);
  const Tensor table = without_class(host_positions_).reshape({grid, grid, width});
  const Tensor resampled = ops::resize_bicubic(ctx.host(), table, rows, columns);
  return ops::to_device(ctx, resampled.reshape({rows * columns, width}));
}

Tensor Dinov2::embed(Context& ctx, const Tensor& pixels) const {
  const std::int64_t rows = pixels.dim(1) / config_.patch_size;
  const std::int64_t columns = pixels.dim(2) / config_.patch_size;
  const std::int64_t count = 1 + rows * columns, width = config_.width;
  const Tensor tokens = ctx.activation({count, width}, "tokens");
  ArenaScope scope(ctx.arena()), host_scope(ctx.host().arena());
  const Tensor cls = tokens.slice(0, 1), patches = tokens.slice(1, count);
  const Tensor embedded =
      ops::patch_embed(ctx, pixels, patches_.weight, static_cast<int>(config_.patch_size));
  ops::copy_into(ctx, cls, cls_token_.reshape({1, width}));
  ops::copy_into(ctx, patches, embedded);
  ops::add_in_place(ctx, cls, positions_.reshape({positions_.dim(1), width}).slice(0, 1));
  ops::add_in_place(ctx, patches, patch_positions(ctx, rows, columns));
  return tokens;
}

Tensor Dinov2::forward(Context& ctx, const Tensor& pixels) const {
  SINTER_CHECK(pixels.dtype == DType::f32 && pixels.shape.rank() == 3 &&
                   pixels.dim(0) == config_.channels && pixels.elements() > 0 &&
                   pixels.dim(1) % config_.patch_size == 0 &&
                   pixels.dim(2) % config_.patch_size == 0,
               ErrorCode::invalid_argument,
               "[dinov2] pixels: expected f32 [",
               config_.channels,
               ", h, w] with sides that are multiples of ",
               config_.patch_size,
               ", got ",
               pixels.shape);
  const Tensor x = embed(ctx, pixels);
  nn::tap(ctx, x, "embeddings");
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    ctx.check_cancelled();
    layers_[i].forward(ctx, x);
    nn::tap(ctx, x, "layer.", i);
  }
  const Tensor y = norm_.forward(ctx, x);
  nn::tap(ctx, y, "layernorm");
  return y;
}

}  // namespace sinter::models
