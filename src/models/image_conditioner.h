#pragma once
// From a prepared picture to condition tokens: input transform and backbone.
//
// Upstream: hy3dgen/shapegen/models/conditioner.py (SingleImageEncoder, DinoImageEncoder). Values
// are f32 throughout; upstream's fp16 roundings of the pixels are not imitated.

#include "models/dinov2.h"

namespace sinter::models {

/// The `conditioner` section of a bundle's config.yaml.
struct ImageConditionerConfig {
  std::int64_t image_size = 224;  ///< side of the backbone's input, a multiple of its patch size
  bool use_cls_token = true;      ///< false drops the class token from the result
  Dinov2Config backbone;

  /// Tokens of one picture.
  std::int64_t tokens() const;

  /// Raises ErrorCode::unsupported for another conditioner (several views, CLIP, two encoders).
  static ImageConditionerConfig from(const checkpoint::ConfigNode& conditioner);
};

class ImageConditioner {
 public:
  /// Binds below the binder's prefix ("conditioner" in a bundle).
  ImageConditioner(const checkpoint::Binder& binder, const ImageConditionerConfig& config);

  const ImageConditionerConfig& config() const { return config_; }

  /// image [3, s, s], RGB in [-1, 1] -> tokens [T, W], in the context's arena.
  Tensor forward(Context& ctx, const Tensor& image) const;

  /// The input transform alone: [3, s, s] in [-1, 1] -> [3, image_size, image_size]: to [0, 1],
  /// antialiased bilinear resize where the size differs, then (x - mean) / deviation per channel.
  Tensor pixels(Context& ctx, const Tensor& image) const;

 private:
  ImageConditionerConfig config_;
  Dinov2 backbone_;
};

}  // namespace sinter::models
