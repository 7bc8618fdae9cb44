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
  const ops::Routing routing = ops::route_experts(ctx, gate.forward(ctx, x), top_k);
  shared.add_to(ctx, residual, {}, x);
  const Tensor places = ops::gather_rows(ctx, x, routing);
  std::vector<const ops::LinearWeight*> fc, proj;
  for (const Mlp& expert : experts) {
    fc.push_back(&expert.fc.weight);
    proj.push_back(&expert.proj.weight);
  }
  const Tensor hidden = ctx.activation({routing.places(), fc.front()->out_features()}, "hidden");
  ops::linear_experts(ctx, places, fc, routing, shared.activation, hidden);
  ops::linear_experts(ctx, hidden, proj, routing, ops::Activation::none, places);
  ops::scatter_add_rows(ctx, residual, routing, places);
}

}  // namespace sinter::nn
