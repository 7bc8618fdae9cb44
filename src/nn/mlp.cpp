#include "nn/mlp.h"

namespace sinter::nn {

Mlp::Mlp(const checkpoint::Binder& binder,
         const Names& names,
         std::int64_t width,
         std::int64_t inner,
         ops::Activation act)
    : fc(binder, names.fc, width, inner), proj(binder, names.proj, inner, width), activation(act) {
  // No activation makes a value larger.
  proj.weight.set_most_input(fc.weight.most_output());
}

Tensor Mlp::forward(Context& ctx, const ops::RowView& x) const {
  const Tensor y = ctx.activation({x.rows, proj.weight.out_features()}, "mlp");
  ArenaScope scope(ctx.arena());
  proj.into(ctx, hidden(ctx, x), y);
  return y;
}

void Mlp::add_to(Context& ctx,
                 const ops::RowView& residual,
                 const Tensor& gate,
                 const ops::RowView& x) const {
  ArenaScope scope(ctx.arena());
  proj.add_to(ctx, residual, gate, hidden(ctx, x));
}

}  // namespace sinter::nn
