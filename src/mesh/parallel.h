#pragma once
// Work over blocks of unequal cost, and one place that turns a failed allocation into an Error.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <new>
#include <stdexcept>
#include <utility>

#include "core/error.h"
#include "cpu/threads.h"

namespace sinter::mesh {

/// Calls body(begin, end) for consecutive blocks of at most `grain` indices of [0, count); threads
/// take the next block when they are done with one. `body` may throw; the first exception is
/// raised again here, after all threads have stopped. What `body` computes for an index must not
/// depend on the block it came in. `poll`, where set, is called after blocks of the calling thread;
/// to stop early it throws.
template <class Body>
void parallel_blocks(int threads,
                     std::int64_t count,
                     std::int64_t grain,
                     Body&& body,
                     const std::function<void()>& poll = {}) {
  const std::int64_t blocks = (count + grain - 1) / grain;
  std::atomic<std::int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  std::mutex error_mutex;
  const auto work = [&](std::int64_t, std::int64_t, int thread) {
    try {
      for (std::int64_t block; !failed && (block = next.fetch_add(1)) < blocks;) {
        body(block * grain, std::min(count, (block + 1) * grain));
        if (thread == 0 && poll) poll();  // the first part runs on the calling thread
      }
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      if (!failed.exchange(true)) error = std::current_exception();
    }
  };
  cpu::parallel_ranges(threads, std::min<std::int64_t>(blocks, std::max(threads, 1)), work);
  if (error) std::rethrow_exception(error);
}

/// Runs `body` and raises ErrorCode::out_of_memory in the name of `who` where memory runs out.
template <class Body>
auto with_memory_errors(const char* who, Body&& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::out_of_memory, "[", who, "] not enough memory");
  } catch (const std::length_error&) {
    fail(ErrorCode::out_of_memory, "[", who, "] not enough memory");
  }
}

}  // namespace sinter::mesh
