#include "ops/decision.h"

#include "ops/backend.h"
#include "ops/check.h"

namespace sinter::ops {

namespace {

void check_flag(const char* op, const Tensor& flag) {
  SINTER_CHECK(flag.dtype == DType::i32 && flag.shape == Shape{1},
               ErrorCode::invalid_argument,
               "[",
               op,
               "] flag: expected i32 [1], got ",
               to_string(flag.dtype),
               " ",
               flag.shape);
}

}  // namespace

void decide(Context& ctx, const DecisionRule& rule, const DecisionTensors& tensors) {
  check_shape("decide", "sums", tensors.sums, {6});
  check_shape("decide", "forced", tensors.forced, {1});
  check_shape("decide", "state", tensors.state, {kDecisionCells});
  check_shape("decide", "record", tensors.record, {kRecordCells});
  check_flag("decide", tensors.flag);
  if (tensors.sums.device != Device::cpu) return backend(ctx, "decide").decide(rule, tensors);
  tensors.flag.ptr<std::int32_t>()[0] = decide_step(rule,
                                                    tensors.sums.f32(),
                                                    tensors.forced.f32()[0] != 0.0F,
                                                    tensors.state.f32_mut(),
                                                    tensors.record.f32_mut());
}

void branch(Context& ctx,
            const Tensor& flag,
            const std::function<void()>& compute,
            const std::function<void()>& reuse) {
  check_flag("branch", flag);
  if (flag.device != Device::cpu) return backend(ctx, "branch").branch(flag, compute, reuse);
  flag.ptr<std::int32_t>()[0] != 0 ? compute() : reuse();
}

}  // namespace sinter::ops
