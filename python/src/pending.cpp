// Operators that the library does not have yet refuse everything. Each definition yields to the
// library's own.

#include "core/error.h"
#include "sinter/ops.h"

#define SINTER_PENDING(Op)                                    \
  [[gnu::weak]] std::string refusal(const Op&) {              \
    return "not implemented yet";                             \
  }                                                           \
  [[gnu::weak]] void run(const Op&, const Execution&) {       \
    fail(ErrorCode::invalid_argument, "not implemented yet"); \
  }

namespace sinter::fused {
SINTER_PENDING(NormScaleShift)
SINTER_PENDING(QueryKeyNorm)
SINTER_PENDING(RotaryTable)
SINTER_PENDING(GatedAdd)
SINTER_PENDING(GroupNormSilu)
SINTER_PENDING(Activate)
SINTER_PENDING(LinearActivate)
SINTER_PENDING(TimestepEmbedding)
SINTER_PENDING(CausalPad)
[[gnu::weak]] std::size_t scratch_bytes(const GroupNormSilu&) {
  return 0;
}
[[gnu::weak]] std::size_t scratch_bytes(const LinearActivate&) {
  return 0;
}
}  // namespace sinter::fused
