// The reader of cache configurations: an Error of one line, or values within their ranges that can
// be planned.

#include "sampling/cache_config.h"

#include <cstdint>
#include <cstdlib>

#include "core/error.h"
#include "sampling/cache_plan.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sinter;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const sampling::CacheConfig config = sampling::parse_cache_config(text, "f");
    if (config.period < 1 || config.order < 0 || config.warmup < 0 || config.cutoff < 0) abort();
    for (const int steps : {1, 9, 50}) {
      const auto plan = sampling::plan_steps(config, sampling::make_schedule({}, steps));
      if (static_cast<int>(plan.size()) != steps) abort();
    }
  } catch (const Error& error) {
    if (error.message().find('\n') != std::string::npos) abort();
    if (error.code() == ErrorCode::internal) abort();
  }
  return 0;
}
