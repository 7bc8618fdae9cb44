#include "nn/moe.h"

#include "ops/experts.h"

namespace sinter::nn {

namespace {

Mlp bind_expert(const checkpoint::Binder& binder, const MixtureOfExperts::Options& options) {
  return {binder,
          {.fc = "net.0.proj", .proj = "net.2"},
          options.width,
          options.inner,
          ops::Activation::gelu_erf};
}

}  // namespace

MixtureOfExperts::MixtureOfExperts(const checkpoint::Binder& binder, const Options& options)
    : gate(binder, "gate", options.width, options.experts, false),
      shared(bind_expert(binder.scope("shared_experts"), options)),
      top_k(options.top_k) {
  for (std::int64_t e = 0; e < options.experts; ++e) {
    experts.push_back(bind_expert(binder.scope("experts", e), options));
  }
}

void MixtureOfExperts::add_to(Context& ctx,
                              const ops::RowView& residual,
                              const ops::RowView& x) const {
  ArenaScope scope(ctx.arena());
  const auto routing = ops::route_experts(ctx, gate.forward(ctx, x), top_k);
  shared.add_to(ctx, residual, {}, x);
  for (std::size_t e = 0; e < experts.size(); ++e) {
    const auto& [rows, weights] = routing[e];
    if (rows.empty()) continue;
    ArenaScope expert(ctx.arena());
    const Tensor y = experts[e].forward(ctx, ops::gather_rows(ctx, x, rows));
    ops::scatter_add_rows(ctx, residual, rows, weights, y);
  }
}

}  // namespace sinter::nn
