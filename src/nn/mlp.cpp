#include "nn/mlp.h"

namespace sinter::nn {

Mlp::Mlp(const checkpoint::Binder& binder,
         const Names& names,
         std::int64_t width,
         std::int64_t inner,
         ops::Activation act)
    : fc(binder, names.fc, width, inner), proj(binder, names.proj, inner, width), activation(act) {}

Tensor Mlp::forward(Context& ctx, const ops::RowView& x) const {
  const Tensor y = ctx.activation({x.rows, proj.weight.out_features()}, "mlp");
  ArenaScope scope(ctx.arena());
  proj.into(ctx, fc.forward(ctx, x, activation), y);
  return y;
}

void Mlp::add_to(Context& ctx,
                 const ops::RowView& residual,
                 const Tensor& gate,
                 const ops::RowView& x) const {
  ArenaScope scope(ctx.arena());
  proj.add_to(ctx, residual, gate, fc.forward(ctx, x, activation));
}

}  // namespace sinter::nn
