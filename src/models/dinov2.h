#pragma once
// DINOv2, the image backbone: a vision transformer with LayerScale; MLP or SwiGLU feed-forward.
//
// Oquab et al.: "DINOv2: learning robust visual features without supervision", 2023. Touvron et
// al.: "Going deeper with image transformers", 2021 (LayerScale). Tensor names are those of the
// transformers library.

#include <vector>

#include "checkpoint/binder.h"
#include "models/dinov2_config.h"
#include "nn/layer_norm.h"
#include "nn/linear.h"
#include "nn/mlp.h"

namespace sinter::models {

/// x += ls1 * out(attention(norm1 x)); x += ls2 * ffn(norm2 x).
struct Dinov2Layer {
  std::int64_t heads = 0;
  nn::LayerNorm norm1, norm2;
  nn::Linear qkv;                    ///< W -> 3 W, [q|k|v][head][d]
  nn::Linear out;                    ///< W -> W
  Tensor scale1, scale2;             ///< [W]: LayerScale of the two branches
  nn::Mlp mlp;                       ///< W -> inner -> W, erf GELU; large model
  nn::Linear swiglu_in, swiglu_out;  ///< W -> 2 inner, inner -> W; giant model
  bool swiglu = false;

  Dinov2Layer(const checkpoint::Binder& layer, const Dinov2Config& config);

  /// x [N, W], in place.
  void forward(Context& ctx, const Tensor& x) const;

 private:
  void feed_forward(Context& ctx, const Tensor& x) const;
};

class Dinov2 {
 public:
  /// Binds every tensor below the binder's prefix
  /// ("conditioner.main_image_encoder.model" in a bundle).
  Dinov2(const checkpoint::Binder& binder, const Dinov2Config& config);

  const Dinov2Config& config() const { return config_; }

  /// pixels [3, h, w], normalised, h and w multiples of the patch size -> [1 + patches, W], the
  /// class token first, then the patches in row-major order; after the final norm. A grid other
  /// than the table's resamples the position table (bicubic, no antialias).
  Tensor forward(Context& ctx, const Tensor& pixels) const;

 private:
  Tensor embed(Context& ctx, const Tensor& pixels) const;
  /// Position vectors of a rows x columns grid, [rows * columns, W].
  Tensor patch_positions(Context& ctx, std::int64_t rows, std::int64_t columns) const;

  Dinov2Config config_;
  Tensor cls_token_;       // [1, 1, W]
  Tensor positions_;       // [1, 1 + grid^2, W]
  Tensor host_positions_;  // the same, f32 on the host: what other grids are resampled from
  nn::Linear patches_;
  std::vector<Dinov2Layer> layers_;
  nn::LayerNorm norm_;
};

}  // namespace sinter::models
