#include "models/image_conditioner.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "models/config_reader.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/resize.h"
#include "ops/transfer.h"

namespace sinter::models {

std::int64_t ImageConditionerConfig::tokens() const {
  const std::int64_t side = image_size / backbone.patch_size;
  return side * side + (use_cls_token ? 1 : 0);
}

ImageConditionerConfig ImageConditionerConfig::from(const checkpoint::ConfigNode& conditioner) {
  check_target(conditioner, "SingleImageEncoder");
  const checkpoint::ConfigNode encoder = conditioner.child("params").child("main_image_encoder");
  const auto type = encoder.required<std::string>("type");
  const bool multi_view = type == "DinoImageEncoderMV";
  SINTER_CHECK(multi_view || type == "DinoImageEncoder",
               ErrorCode::unsupported,
               "[config] ",
               encoder.file(),
               ": ",
               encoder.path(),
               ".type: expected DinoImageEncoder or DinoImageEncoderMV, got ",
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
  constexpr std::int64_t kUpstreamViews = 4;
  if (multi_view) c.views = read_integer(kwargs, "view_num", kUpstreamViews, {1, kUpstreamViews});
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

Tensor ImageConditioner::encode(Context& ctx, const Tensor& image) const {
  const Tensor prepared = pixels(ctx.host(), image);
  const Tensor tokens = backbone_.forward(ctx, ops::to_device(ctx, prepared, DType::f32));
  return config_.use_cls_token ? tokens : tokens.slice(1, tokens.dim(0));
}

std::vector<ViewImage> ImageConditioner::sorted(std::span<const ViewImage> images) const {
  std::vector<ViewImage> result(images.begin(), images.end());
  std::sort(result.begin(), result.end(), [](const ViewImage& a, const ViewImage& b) {
    return a.view < b.view;
  });
  const std::int64_t views = std::max<std::int64_t>(config_.views, 1);
  SINTER_CHECK(!result.empty() && result.front().view >= 0 && result.back().view < views,
               ErrorCode::invalid_argument,
               "[conditioner] views: expected one or more of 0..",
               views - 1,
               ", got ",
               result.empty() ? cat("none") : cat(result.front().view, "..", result.back().view));
  for (std::size_t i = 1; i < result.size(); ++i) {
    SINTER_CHECK(result[i].view != result[i - 1].view,
                 ErrorCode::invalid_argument,
                 "[conditioner] views: expected each once, got ",
                 result[i].view,
                 " twice");
  }
  return result;
}

Tensor ImageConditioner::forward(Context& ctx, std::span<const ViewImage> images) const {
  const std::int64_t width = config_.backbone.width, each = config_.tokens();
  const std::vector<ViewImage> views = sorted(images);
  const auto count = static_cast<std::int64_t>(views.size());
  const Tensor result = ctx.activation({count * each, width}, "condition");
  for (std::int64_t i = 0; i < count; ++i) {
    ArenaScope scope(ctx.arena()), host_scope(ctx.host().arena());
    const auto& [image, view] = views[static_cast<std::size_t>(i)];
    const Tensor encoded = encode(ctx, image), tokens = result.slice(i * each, (i + 1) * each);
    ops::copy_into(ctx, tokens, encoded);
    if (config_.multi_view()) {
      ops::add_in_place(ctx, tokens, ops::position_embedding(ctx, view, width));
    }
  }
  return result;
}

Tensor ImageConditioner::forward(Context& ctx, const Tensor& image) const {
  return forward(ctx, std::array{ViewImage{.image = image}});
}

}  // namespace sinter::models
