#include "models/shape_vae.h"

#include <algorithm>

#include "nn/tap.h"
#include "ops/elementwise.h"

namespace sinter::models {

ShapeVae::ShapeVae(const checkpoint::Binder& binder, const ShapeVaeConfig& config)
    : config_(config),
      post_kl_(binder, "post_kl", config.embed_dim, config.width),
      geo_decoder_(binder.scope("geo_decoder"), config) {
  const checkpoint::Binder transformer = binder.scope("transformer");
  for (std::int64_t i = 0; i < config.decoder_layers; ++i) {
    blocks_.emplace_back(transformer.scope("resblocks", i), config.block());
  }
}

Tensor ShapeVae::decode(Context& ctx, const Tensor& latents) const {
  SINTER_CHECK(latents.dtype == DType::f32 && latents.shape.rank() == 2 && latents.dim(0) > 0 &&
                   latents.dim(1) == config_.embed_dim,
               ErrorCode::invalid_argument,
               "[vae] latents: expected f32 [tokens, ",
               config_.embed_dim,
               "], got ",
               to_string(latents.dtype),
               " ",
               latents.shape);
  const Tensor x = ctx.activation({latents.dim(0), config_.width}, "tokens");
  {
    ArenaScope scope(ctx.arena());
    const Tensor z = ctx.allocate(DType::f32, latents.shape, "z");
    ops::copy_into(ctx, z, latents);
    ops::scale_in_place(ctx, z, static_cast<float>(1.0 / config_.scale_factor));
    post_kl_.into(ctx, z, x);
  }
  nn::tap(ctx, x, "post_kl");
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    ctx.check_cancelled();
    blocks_[i].forward(ctx, x);
    nn::tap(ctx, x, "transformer.", i);
  }
  return x;
}

}  // namespace sinter::models
