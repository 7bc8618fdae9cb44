#pragma once
// The one place where work is spread over CPU threads.

#include <cstdint>
#include <type_traits>

namespace sinter::cpu {

namespace detail {
void run_ranges(int threads,
                std::int64_t count,
                void (*call)(void*, std::int64_t, std::int64_t, int),
                void* body);
}  // namespace detail

/// Cuts [0, count) into one contiguous range a thread and calls body(begin, end, thread) for each
/// non-empty one; returns when all are done. The cut depends on `count` and `threads` only, so
/// operators that follow each other keep a thread on the same rows. `body` must not throw, and what
/// it computes for an index must not depend on the range the index came in: that is what makes
/// results independent of the number of threads.
template <class Body>
void parallel_ranges(int threads, std::int64_t count, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::run_ranges(
      threads,
      count,
      [](void* state, std::int64_t begin, std::int64_t end, int thread) {
        (*static_cast<Plain*>(state))(begin, end, thread);
      },
      const_cast<void*>(static_cast<const void*>(&body)));
}

}  // namespace sinter::cpu
