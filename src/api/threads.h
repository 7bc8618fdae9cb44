#pragma once
// Turns the caller's "0 takes all" into a number of threads.

#include <algorithm>
#include <thread>

#include "core/error.h"

namespace sinter {

/// Raises ErrorCode::invalid_argument outside 0..1024.
inline int resolve_threads(int threads) {
  SINTER_CHECK(threads >= 0 && threads <= 1024,
               ErrorCode::invalid_argument,
               "[options] threads: expected 0..1024, got ",
               threads);
  return threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace sinter
