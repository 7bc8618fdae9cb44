#include "models/hunyuan3d_dit_config.h"

#include "models/config_reader.h"

namespace sinter::models {

Hunyuan3DDitConfig Hunyuan3DDitConfig::from(const checkpoint::ConfigNode& model) {
  check_target(model, "Hunyuan3DDiT");
  const checkpoint::ConfigNode params = model.child("params");
  Hunyuan3DDitConfig c;
  c.in_channels = read_integer(params, "in_channels", c.in_channels, {1, kMaxWidth});
  c.context_width = read_integer(params, "context_in_dim", c.context_width, {1, kMaxWidth});
  c.width = read_integer(params, "hidden_size", c.width, {1, kMaxWidth});
  c.heads = read_integer(params, "num_heads", c.heads, {1, kMaxWidth / kHeadDim});
  check_heads(params, "hidden_size", c.width, c.heads);
  c.inner = static_cast<std::int64_t>(static_cast<double>(c.width) *
                                      read_positive(params, "mlp_ratio", 4.0, 16.0));
  if (c.inner < 1) params.fail_at("mlp_ratio", "expected an MLP of at least one channel");
  c.double_blocks = read_integer(params, "depth", c.double_blocks, {0, kMaxDepth});
  c.single_blocks = read_integer(params, "depth_single_blocks", c.single_blocks, {0, kMaxDepth});
  c.qkv_bias = params.get("qkv_bias", c.qkv_bias);
  c.guidance_embed = params.get("guidance_embed", c.guidance_embed);
  c.time_factor = static_cast<float>(read_positive(params, "time_factor", c.time_factor, 1e6));
  return c;
}

}  // namespace sinter::models
