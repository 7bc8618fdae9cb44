#pragma once
// What every operator is handed first: where to allocate, how many threads to use, whom to tell.
// There is no global state behind it; two contexts in two threads do not see each other.

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "core/buffer.h"
#include "core/env.h"

namespace sinter {

enum class LogLevel { error, warning, info, debug };

class Context {
 public:
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Device device = Device::cpu;
  /// CPU threads an operator may use; at least 1.
  int threads = 1;
  Switches switches;
  /// Receives what would otherwise go unsaid. Default: dropped.
  std::function<void(LogLevel, const std::string&)> log;
  /// Called with the scope name and each tensor that a layer names, for golden tests and stage
  /// dumps.
  std::function<void(std::string_view, const Tensor&)> tap;
  /// Set by another thread or a signal handler to stop at the next check.
  const std::atomic<bool>* cancel = nullptr;
  /// Called by every check, so between the parts of an operation, on the thread that called the
  /// operator. Raises ErrorCode::cancelled to stop. The contexts of worker threads have none.
  std::function<void()> poll;

  Arena& arena() { return arena_; }
  Tensor allocate(DType dtype, Shape shape, std::string_view name = {}) {
    return arena_.allocate(dtype, shape, name);
  }
  /// Raises ErrorCode::cancelled where the caller asked to stop.
  void check_cancelled() const {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
      fail(ErrorCode::cancelled, "cancelled");
    }
    if (poll) poll();
  }

 private:
  Arena arena_;
};

}  // namespace sinter
