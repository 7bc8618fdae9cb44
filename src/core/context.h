#pragma once
// What every operator is handed first: where to allocate, how many threads to use, whom to tell.
// There is no global state behind it; two contexts in two threads do not see each other.

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/accelerator.h"
#include "core/buffer.h"
#include "core/env.h"

namespace sinter {

enum class LogLevel { error, warning, info, debug };

class Context {
 public:
  /// On the host.
  Context() = default;
  /// On an accelerator, with activations of `compute`: f16 or bf16. `fp8`: see Placement.
  Context(std::shared_ptr<Accelerator> accelerator, DType compute, bool fp8 = false)
      : accelerator_(std::move(accelerator)),
        compute_(compute),
        fp8_(fp8),
        arena_(accelerator_.get()) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// CPU threads an operator may use; at least 1.
  int threads = 1;
  /// Rows that a network works on at a time on an accelerator where any number of them would do:
  /// what bounds the activations of the geometry decoder. Results do not depend on it.
  std::int64_t rows_at_once = 32768;
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

  Device device() const { return accelerator_ ? accelerator_->device() : Device::cpu; }
  /// Null on the host.
  const std::shared_ptr<Accelerator>& accelerator() const { return accelerator_; }
  /// The type of activations: f32 on the host.
  DType compute() const { return compute_; }
  /// Where the weights of networks that run in this context belong.
  Placement placement() const {
    return {.accelerator = accelerator_.get(),
            .dtype = compute_,
            .fp8 = fp8_,
            .threads = std::max(threads, 1)};
  }

  /// A context on the host for what is computed there on the way to the accelerator: this one where
  /// it has none. Settings are this one's at the time of the call.
  Context& host();

  Arena& arena() { return arena_; }
  Tensor allocate(DType dtype, Shape shape, std::string_view name = {}) {
    return arena_.allocate(dtype, shape, name);
  }
  /// An activation: allocate() with the context's type.
  Tensor activation(Shape shape, std::string_view name = {}) {
    return arena_.allocate(compute_, shape, name);
  }
  /// Raises ErrorCode::cancelled where the caller asked to stop.
  void check_cancelled() const {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
      fail(ErrorCode::cancelled, "cancelled");
    }
    if (poll) poll();
  }

 private:
  std::shared_ptr<Accelerator> accelerator_;
  DType compute_ = DType::f32;
  bool fp8_ = false;
  Arena arena_;
  std::unique_ptr<Context> host_;
};

}  // namespace sinter
