#pragma once
// Shows an activation, on the host and as f32, to whoever listens on Context::tap; free where
// nobody does.

#include "core/context.h"
#include "core/error.h"
#include "ops/transfer.h"

namespace sinter::nn {

/// The parts of the name are joined only if there is a listener: tap(ctx, x, "blocks.", i, ".img").
template <class... Parts>
void tap(Context& ctx, const Tensor& tensor, const Parts&... name) {
  if (!ctx.tap) return;
  ArenaScope scope(ctx.host().arena());
  ctx.tap(cat(name...), ops::to_host(ctx, tensor));
}

}  // namespace sinter::nn
