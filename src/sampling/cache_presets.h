#pragma once
// The configurations that have names.

#include <string>

#include "sampling/cache_config.h"

namespace sinter::sampling {

/// "off", "safe", "fast" or "max" (docs/cache.md says what each does and what it costs), or else
/// the path of a file: load_cache_config().
CacheConfig find_cache(const std::string& name_or_path);

bool is_preset(const std::string& name);

}  // namespace sinter::sampling
