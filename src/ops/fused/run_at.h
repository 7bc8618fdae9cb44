#pragma once
// Where run() of every operator goes: to the host's loop, or to the kernel on the device that the
// operands lie on.

#include "ops/fused/array.h"

#ifdef SINTER_WITH_CUDA
#include "ops/fused/cuda/device.h"
/// A function of `stream`. In a build without CUDA, whose refusals let no device's arrays through,
/// nothing.
#define SINTER_KERNEL(...) [&](cudaStream_t stream) { __VA_ARGS__; }
#else
#define SINTER_KERNEL(...) nullptr
#endif

namespace sinter::fused {

/// Raises `refusal` where it is not empty; then host(threads) where x lies on the host, else
/// kernel(stream) with x's device current.
template <class Host, class Kernel>
void run_at(const Array& x,
            const char* who,
            const std::string& refusal,
            const Execution& execution,
            const Host& host,
            [[maybe_unused]] const Kernel& kernel) {
  require(who, refusal);
  if (x.device == kHost) return host(threads_of(execution));
#ifdef SINTER_WITH_CUDA
  const cuda::CurrentDevice current(x.device);
  kernel(static_cast<cudaStream_t>(execution.stream));
#endif
}

}  // namespace sinter::fused
