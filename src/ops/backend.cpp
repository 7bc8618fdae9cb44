#include "ops/backend.h"

namespace sinter::ops {

Backend& backend(const Context& ctx, const char* op) {
  auto* found = dynamic_cast<Backend*>(ctx.accelerator().get());
  SINTER_CHECK(found != nullptr,
               ErrorCode::invalid_argument,
               "[",
               op,
               "] expected tensors on ",
               to_string(ctx.device()),
               " as the context is, got one on cuda");
  return *found;
}

Backend& backend(Accelerator& accelerator) {
  auto* found = dynamic_cast<Backend*>(&accelerator);
  SINTER_CHECK(found != nullptr, ErrorCode::internal, "[backend] an accelerator without operators");
  return *found;
}

}  // namespace sinter::ops
