#include "sampling/cache_presets.h"

#include <algorithm>
#include <array>

namespace sinter::sampling {

namespace {

struct Preset {
  std::string_view name;
  int evaluations;  ///< 0: every step
};

// At equal evaluations no cache was better than a solver of second order that takes larger steps
// (docs/benchmarks/cache.md), so that is what they are.
constexpr std::array<Preset, 4> kPresets = {{{"off", 0}, {"safe", 27}, {"fast", 19}, {"max", 10}}};

}  // namespace

bool is_preset(const std::string& name) {
  return std::any_of(
      kPresets.begin(), kPresets.end(), [&](const Preset& preset) { return preset.name == name; });
}

CacheConfig find_cache(const std::string& name_or_path) {
  for (const Preset& preset : kPresets) {
    if (preset.name != name_or_path) continue;
    CacheConfig config;
    config.file = "preset " + name_or_path;
    if (preset.evaluations == 0) return config;
    config.method = CacheMethod::taylor;
    config.granularity = Granularity::velocity;
    config.order = 1;
    config.evaluations = preset.evaluations;
    return config;
  }
  return load_cache_config(name_or_path);
}

}  // namespace sinter::sampling
