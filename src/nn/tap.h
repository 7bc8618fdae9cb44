#pragma once
// Shows an activation to whoever listens on Context::tap; free where nobody does.

#include "core/context.h"
#include "core/error.h"

namespace sinter::nn {

/// The parts of the name are joined only if there is a listener: tap(ctx, x, "blocks.", i, ".img").
template <class... Parts>
void tap(const Context& ctx, const Tensor& tensor, const Parts&... name) {
  if (ctx.tap) ctx.tap(cat(name...), tensor);
}

}  // namespace sinter::nn
