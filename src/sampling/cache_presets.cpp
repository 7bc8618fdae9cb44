#include "sampling/cache_presets.h"

#include <algorithm>
#include <array>

namespace sinter::sampling {

namespace {

struct Preset {
  std::string_view name, text;
};

constexpr std::array<Preset, 4> kPresets = {{
    {"off", R"({"cache_forward": "NoCache"})"},
    {"safe", R"({
       "cache_forward": "TaylorSeer",
       "TaylorSeer": {"n_derivatives": 1, "skip_interval_steps": 2, "warmup": 4,
                      "cutoff_steps": 0}})"},
    {"fast", R"({
       "cache_forward": "TaylorSeer",
       "TaylorSeer": {"n_derivatives": 1, "skip_interval_steps": 4, "warmup": 4,
                      "cutoff_steps": 0}})"},
    {"max", R"({
       "cache_forward": "TaylorSeer",
       "TaylorSeer": {"n_derivatives": 1, "skip_interval_steps": 6, "warmup": 4,
                      "cutoff_steps": 0}})"},
}};

}  // namespace

bool is_preset(const std::string& name) {
  return std::any_of(
      kPresets.begin(), kPresets.end(), [&](const Preset& preset) { return preset.name == name; });
}

CacheConfig find_cache(const std::string& name_or_path) {
  for (const Preset& preset : kPresets) {
    if (preset.name == name_or_path) {
      return parse_cache_config(preset.text, "preset " + name_or_path);
    }
  }
  return load_cache_config(name_or_path);
}

}  // namespace sinter::sampling
