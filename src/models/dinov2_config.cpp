#include "models/dinov2_config.h"

#include <string>

#include "core/error.h"
#include "models/config_reader.h"

namespace sinter::models {

namespace {

void check_text(const checkpoint::ConfigNode& node, const char* key, const char* expected) {
  const std::string found = node.get(key, expected);
  SINTER_CHECK(found == expected,
               ErrorCode::unsupported,
               "[config] ",
               node.file(),
               ": ",
               node.path(),
               ".",
               key,
               ": expected ",
               expected,
               ", got ",
               found);
}

}  // namespace

std::int64_t Dinov2Config::inner() const {
  const std::int64_t full = width * mlp_ratio;
  return swiglu ? (full * 2 / 3 + 7) / 8 * 8 : full;
}

Dinov2Config Dinov2Config::from(const checkpoint::ConfigNode& backbone) {
  check_text(backbone, "model_type", "dinov2");
  check_text(backbone, "hidden_act", "gelu");
  Dinov2Config c;
  c.width = read_integer(backbone, "hidden_size", c.width, {1, kMaxWidth});
  c.layers = read_integer(backbone, "num_hidden_layers", c.layers, {1, kMaxDepth});
  c.heads = read_integer(backbone, "num_attention_heads", c.heads, {1, kMaxWidth / kHeadDim});
  check_heads(backbone, "hidden_size", c.width, c.heads);
  c.patch_size = read_integer(backbone, "patch_size", c.patch_size, {1, 256});
  c.image_size = read_integer(backbone, "image_size", c.image_size, {c.patch_size, 8192});
  if (c.image_size % c.patch_size != 0) {
    backbone.fail_at(
        "image_size",
        cat("expected a multiple of patch_size ", c.patch_size, ", found ", c.image_size));
  }
  c.channels = read_integer(backbone, "num_channels", c.channels, {3, 3});
  c.mlp_ratio = read_integer(backbone, "mlp_ratio", c.mlp_ratio, {1, 16});
  c.qkv_bias = backbone.get("qkv_bias", c.qkv_bias);
  c.swiglu = backbone.get("use_swiglu_ffn", c.swiglu);
  c.norm_eps = static_cast<float>(read_positive(backbone, "layer_norm_eps", c.norm_eps, 1.0));
  return c;
}

}  // namespace sinter::models
