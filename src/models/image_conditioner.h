#pragma once
// From prepared pictures to condition tokens: input transform and backbone, for one view of the
// object or several.
//
// Upstream: hy3dgen/shapegen/models/conditioner.py (SingleImageEncoder with DinoImageEncoder or
// DinoImageEncoderMV). Pixels are f32; upstream's fp16 roundings of the pixels are not
// imitated.

#include <span>

#include "models/dinov2.h"

namespace sinter::models {

/// The `conditioner` section of a bundle's config.yaml.
struct ImageConditionerConfig {
  std::int64_t image_size = 224;  ///< side of the backbone's input, a multiple of its patch size
  bool use_cls_token = true;      ///< false drops the class token from the result
  std::int64_t views = 0;         ///< key view_num: views told apart; 0 for a single-view encoder
  Dinov2Config backbone;

  /// Tokens of one picture.
  std::int64_t tokens() const;
  bool multi_view() const { return views > 0; }

  /// Raises ErrorCode::unsupported for another conditioner (CLIP, two encoders).
  static ImageConditionerConfig from(const checkpoint::ConfigNode& conditioner);
};

/// A prepared picture and the side it shows.
struct ViewImage {
  Tensor image;           ///< [3, s, s], RGB in [-1, 1], on the host
  std::int64_t view = 0;  ///< 0 .. views - 1; released models: 0 front, 1 left, 2 back, 3 right
};

class ImageConditioner {
 public:
  /// Binds below the binder's prefix ("conditioner" in a bundle).
  ImageConditioner(const checkpoint::Binder& binder, const ImageConditionerConfig& config);

  const ImageConditionerConfig& config() const { return config_; }

  /// image [3, s, s], RGB in [-1, 1], on the host -> tokens [T, W], an activation in the context's
  /// arena. The picture is view 0 of a multi-view encoder.
  Tensor forward(Context& ctx, const Tensor& image) const;

  /// Any subset of the views in any order, each once -> tokens [V T, W], by ascending view. Each
  /// picture passes the backbone alone; a multi-view encoder then adds position_embedding(view) to
  /// all its tokens, the class token included. A single-view encoder takes one picture, view 0.
  Tensor forward(Context& ctx, std::span<const ViewImage> images) const;

  /// The input transform alone, on the host: [3, s, s] in [-1, 1] -> [3, image_size, image_size]:
  /// to [0, 1], antialiased bilinear resize where the size differs, then (x - mean) / deviation per
  /// channel.
  Tensor pixels(Context& ctx, const Tensor& image) const;

 private:
  std::vector<ViewImage> sorted(std::span<const ViewImage> images) const;
  Tensor encode(Context& ctx, const Tensor& image) const;

  ImageConditionerConfig config_;
  Dinov2 backbone_;
};

}  // namespace sinter::models
