#include "models/hunyuan_dit_plain_config.h"

#include <string>

#include "core/error.h"
#include "models/config_reader.h"

namespace sinter::models {

namespace {

constexpr std::int64_t kMaxHeadDim = 256;
constexpr std::int64_t kMaxExperts = 256;

/// `found` is the value of `key`, or upstream's default where it is absent.
template <class Value>
void check_form(const checkpoint::ConfigNode& params,
                const char* key,
                const Value& found,
                const Value& expected) {
  SINTER_CHECK(found == expected,
               ErrorCode::unsupported,
               "[config] ",
               params.file(),
               ": ",
               params.path(),
               ".",
               key,
               ": expected ",
               expected,
               ", got ",
               found);
}

/// The switches of upstream's class, each at the value of the released model.
void check_released_form(const checkpoint::ConfigNode& params) {
  struct Flag {
    const char* key;
    bool fallback, expected;
  };
  for (const Flag& flag : {Flag{"qk_norm", false, true},
                           Flag{"qkv_bias", true, false},
                           Flag{"use_attention_pooling", true, false},
                           Flag{"with_decoupled_ca", false, false},
                           Flag{"use_pos_emb", false, false}}) {
    const char* const words[] = {"false", "true"};
    const bool found = params.get(flag.key, flag.fallback);
    check_form(
        params, flag.key, std::string(words[found ? 1 : 0]), std::string(words[flag.expected]));
  }
  check_form(params, "qk_norm_type", params.get("qk_norm_type", "rms"), std::string("rms"));
  check_form(params, "norm_type", params.get("norm_type", "layer"), std::string("layer"));
  check_form(params,
             "guidance_cond_proj_dim",
             params.get("guidance_cond_proj_dim", std::int64_t{0}),
             std::int64_t{0});
}

}  // namespace

HunyuanDitPlainConfig HunyuanDitPlainConfig::from(const checkpoint::ConfigNode& model) {
  check_target(model, "HunYuanDiTPlain");
  const checkpoint::ConfigNode params = model.child("params");
  check_released_form(params);
  HunyuanDitPlainConfig c;
  c.in_channels = read_integer(params, "in_channels", 4, {1, kMaxWidth});
  c.context_width = read_integer(params, "context_dim", 1024, {1, kMaxWidth});
  c.width = read_integer(params, "hidden_size", 1024, {2, kMaxWidth});
  c.heads = read_integer(params, "num_heads", 16, {1, kMaxWidth});
  if (c.width % 2 != 0 || c.width % c.heads != 0 || c.head_dim() > kMaxHeadDim) {
    params.fail_at("hidden_size",
                   cat("expected an even multiple of num_heads ",
                       c.heads,
                       " with at most ",
                       kMaxHeadDim,
                       " channels a head, found ",
                       c.width));
  }
  c.depth = read_integer(params, "depth", 24, {1, kMaxDepth});
  c.moe_layers = read_integer(params, "num_moe_layers", 6, {0, kMaxDepth});
  c.experts = read_integer(params, "num_experts", 8, {1, kMaxExperts});
  c.top_k = static_cast<int>(read_integer(params, "moe_top_k", 2, {1, c.experts}));
  return c;
}

}  // namespace sinter::models
