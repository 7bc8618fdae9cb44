#pragma once
// One function that builds an operator from Python's arguments becomes three: `name(...)` runs it,
// `why_not.name(...)` says why it would not, and where it needs scratch memory
// `scratch_bytes.name(...)` says how much.

#include <nanobind/nanobind.h>

#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "operands.h"

namespace sinter::python {

/// Returns when the device has finished what stands in the stream.
void wait_for(void* stream);

/// New memory as an array with `__dlpack__`, for frameworks that let nobody else write to theirs.
nb::object empty(const std::vector<std::size_t>& shape, const std::string& type, int device);

struct Module {
  nb::module_ operators, why_not, scratch_bytes;
  std::shared_ptr<Producers> producers;
};

template <class Op>
concept NeedsScratch = requires(Op op) {
  op.scratch;
};

template <class Op>
void run(Operands& operands, const Op& op, int threads) {
  // Waking threads takes longer than so few elements do; the result is the same.
  constexpr std::int64_t kForOneThread = 1 << 14;
  if (threads == 0 && operands.on_host() && operands.elements() <= kForOneThread) threads = 1;
  const fused::Execution execution{.stream = operands.stream(), .threads = threads};
  if (operands.on_host()) {
    const nb::gil_scoped_release others_may_run;
    fused::run(op, execution);
    return;
  }
  fused::run(op, execution);
  if (!operands.ordered()) wait_for(operands.stream());
}

template <class Op, class... Args>
struct Binder {
  using Build = Op (*)(Operands&, Args...);

  template <class... Extra>
  static void bind(Module& to, const char* name, Build build, const Extra&... extra) {
    if constexpr (NeedsScratch<Op>) {
      bind_with_scratch(to, name, build, extra...);
    } else {
      to.operators.def(
          name,
          [producers = to.producers, name, build](Args... args, nb::handle stream, int threads) {
            Operands operands(*producers, name, stream);
            run(operands, build(operands, args...), threads);
          },
          extra...,
          nb::arg("stream") = nb::none(),
          nb::arg("threads") = 0);
    }
    to.why_not.def(
        name,
        [producers = to.producers, name, build](Args... args) -> std::string {
          try {
            Operands operands(*producers, name);
            Op op = build(operands, args...);
            if constexpr (NeedsScratch<Op>) op.scratch = placeholder();
            return fused::refusal(op);
          } catch (const Error& error) {
            return error.message();
          }
        },
        extra...);
  }

 private:
  /// Stands for memory that a caller will bring: a refusal looks at its alignment, not into it.
  static void* placeholder() { return reinterpret_cast<void*>(std::uintptr_t{1} << 12); }

  template <class... Extra>
  static void bind_with_scratch(Module& to, const char* name, Build build, const Extra&... extra) {
    to.operators.def(
        name,
        [producers = to.producers, name, build](
            Args... args, nb::handle scratch, nb::handle stream, int threads) {
          Operands operands(*producers, name, stream);
          Op op = build(operands, args...);
          const auto memory = operands.memory("scratch", scratch, op.x.device);
          const std::size_t needed = fused::scratch_bytes(op);
          if (memory.bytes < needed)
            operands.refuse(
                cat("expected ", needed, " bytes of scratch memory, got ", memory.bytes));
          op.scratch = memory.data;
          run(operands, op, threads);
        },
        extra...,
        nb::arg("scratch") = nb::none(),
        nb::arg("stream") = nb::none(),
        nb::arg("threads") = 0);
    to.scratch_bytes.def(
        name,
        [producers = to.producers, name, build](Args... args) {
          Operands operands(*producers, name);
          return fused::scratch_bytes(build(operands, args...));
        },
        extra...);
  }
};

template <class Op, class... Args, class... Extra>
void bind(Module& to, const char* name, Op (*build)(Operands&, Args...), const Extra&... extra) {
  Binder<Op, Args...>::bind(to, name, build, extra...);
}

}  // namespace sinter::python
