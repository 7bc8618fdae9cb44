#pragma once
// One function that builds an operator from Python's arguments becomes several: `name(...)` runs it
// and returns its results, `attempt.name(...)` does so or returns None where the unfused formula is
// wanted, `why_not.name(...)` says why it would not run, and where it needs scratch memory
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
  nb::module_ operators, attempt, why_not, scratch_bytes;
  std::shared_ptr<Producers> producers;
};

template <class Op>
concept NeedsScratch = requires(Op op) {
  op.scratch;
};

template <class Op>
void run(Operands& operands, const Op& op, int threads) {
  // Waking threads takes longer than so few elements do, and so does handing over the interpreter;
  // the result is the same.
  constexpr std::int64_t kForOneThread = 1 << 14;
  const bool small = operands.on_host() && operands.elements() <= kForOneThread;
  if (threads == 0 && small) threads = 1;
  const fused::Execution execution{.stream = operands.stream(), .threads = threads};
  if (operands.on_host() && !small) {
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
  Module& to;
  const char* name;
  Build build;

  template <class... Extra>
  void bind(const Extra&... extra) const {
    if constexpr (NeedsScratch<Op>) {
      bind_with_scratch(extra...);
    } else {
      to.operators.def(
          name,
          [producers = to.producers, name = name, build = build](
              Args... args, nb::handle stream, int threads) {
            Operands operands(*producers, name, Operands::Purpose::run, stream);
            run(operands, build(operands, args...), threads);
            return operands.results();
          },
          extra...,
          nb::arg("stream") = nb::none(),
          nb::arg("threads") = 0);
    }
    to.attempt.def(
        name,
        [producers = to.producers, name = name, build = build](Args... args) -> nb::object {
          try {
            Operands operands(*producers, name, Operands::Purpose::attempt);
            Op op = build(operands, args...);
            if (operands.unfused()) return nb::none();
            if constexpr (NeedsScratch<Op>)
              op.scratch = operands.scratch(nb::none(), fused::scratch_bytes(op), op.x.device);
            run(operands, op, 0);
            return operands.results();
          } catch (const Error& error) {
            if (error.code() != ErrorCode::invalid_argument) throw;
            return nb::none();
          }
        },
        extra...);
    to.why_not.def(
        name,
        [producers = to.producers, name = name, build = build](Args... args) -> std::string {
          try {
            Operands operands(*producers, name, Operands::Purpose::question);
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
  template <class... Extra>
  void bind_with_scratch(const Extra&... extra) const {
    to.operators.def(
        name,
        [producers = to.producers, name = name, build = build](
            Args... args, nb::handle scratch, nb::handle stream, int threads) {
          Operands operands(*producers, name, Operands::Purpose::run, stream);
          Op op = build(operands, args...);
          op.scratch = operands.scratch(scratch, fused::scratch_bytes(op), op.x.device);
          run(operands, op, threads);
          return operands.results();
        },
        extra...,
        nb::arg("scratch") = nb::none(),
        nb::arg("stream") = nb::none(),
        nb::arg("threads") = 0);
    to.scratch_bytes.def(
        name,
        [producers = to.producers, name = name, build = build](Args... args) {
          Operands operands(*producers, name, Operands::Purpose::question);
          return fused::scratch_bytes(build(operands, args...));
        },
        extra...);
  }
};

template <class Op, class... Args, class... Extra>
void bind(Module& to, const char* name, Op (*build)(Operands&, Args...), const Extra&... extra) {
  Binder<Op, Args...>{to, name, build}.bind(extra...);
}

}  // namespace sinter::python
