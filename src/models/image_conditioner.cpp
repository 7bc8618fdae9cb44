#include "models/image_conditioner.h"

#include <array>
#include <string>

#include "models/config_reader.h"
#include "ops/resize.h"

namespace sinter::models {

std::int64_t ImageConditionerConfig::tokens() const {
  const std::int64_t side = image_size / backbone.patch_size;
  return side * side + (use_cls_token ? 1 : 0);
}

ImageConditionerConfig ImageConditionerConfig::from(const checkpoint::ConfigNode& conditioner) {
  check_target(conditioner, "SingleImageEncoder");
  const checkpoint::ConfigNode encoder = conditioner.child("params").child("main_image_encoder");
  const auto type = encoder.required<std::string>("type");
  SINTER_CHECK(type == "DinoImageEncoder",
               ErrorCode::unsupported,
               "[config] ",
               encoder.file(),
               ": ",
               encoder.path(),
               ".type: expected DinoImageEncoder, got ",
               type);
  const checkpoint::ConfigNode kwargs = encoder.child("kwargs");
  ImageConditionerConfig c;
  c.backbone = Dinov2Config::from(kwargs.child("config"));
  c.image_size = read_integer(kwargs, "image_size", c.image_size, {c.backbone.patch_size, 8192});
  if (c.image_size % c.backbone.patch_size != 0) {
    kwargs.fail_at(
        "image_size",
        cat("expected a multiple of patch_size ", c.backbone.patch_size, ", found ", c.image_size));
  }
  c.use_cls_token = kwargs.get("use_cls_token", c.use_cls_token);
  return c;
}

ImageConditioner::ImageConditioner(const checkpoint::Binder& binder,
                                   const ImageConditionerConfig& config)
    : config_(config),
      backbone_(binder.scope("main_image_encoder").scope("model"), config.backbone) {}

Tensor ImageConditioner::pixels(Context& ctx, const Tensor& image) const {
  SINTER_CHECK(image.dtype == DType::f32 && image.shape.rank() == 3 && image.dim(0) == 3 &&
                   image.dim(1) == image.dim(2) && image.elements() > 0,
               ErrorCode::invalid_argument,
               "[conditioner] image: expected f32 [3, s, s], got ",
               to_string(image.dtype),
               " ",
               image.shape);
  constexpr std::array kMean = {0.485F, 0.456F, 0.406F};
  constexpr std::array kDeviation = {0.229F, 0.224F, 0.225F};
  const std::int64_t size = config_.image_size, plane = size * size;
  const Tensor result = ctx.allocate(DType::f32, {3, size, size}, "pixels");
  ArenaScope scope(ctx.arena());
  // Resampling weights sum to 1, so the map to [0, 1] commutes with the resize.
  const Tensor resized =
      image.dim(1) == size ? image : ops::resize_bilinear_antialias(ctx, image, size, size);
  for (std::size_t c = 0; c < kMean.size(); ++c) {
    const float* src = resized.f32() + static_cast<std::int64_t>(c) * plane;
    float* dst = result.f32_mut() + static_cast<std::int64_t>(c) * plane;
    for (std::int64_t i = 0; i < plane; ++i) {
      dst[i] = ((src[i] + 1.0F) / 2.0F - kMean[c]) / kDeviation[c];
    }
  }
  return result;
}

Tensor ImageConditioner::forward(Context& ctx, const Tensor& image) const {
  const Tensor tokens = backbone_.forward(ctx, pixels(ctx, image));
  return config_.use_cls_token ? tokens : tokens.slice(1, tokens.dim(0));
}

}  // namespace sinter::models
