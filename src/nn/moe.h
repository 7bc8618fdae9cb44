#pragma once
// A feed-forward branch that is a mixture of experts, and one expert that every token passes.

#include <cstdint>
#include <vector>

#include "checkpoint/binder.h"
#include "nn/mlp.h"

namespace sinter::nn {

/// shared(x) + sum over the top experts e of x of p_e expert_e(x); see ops::route_experts() for the
/// choice and the probabilities p. Upstream: hy3dshape/models/denoisers/moe_layers.py, MoEBlock.
struct MixtureOfExperts {
  struct Options {
    std::int64_t width = 0;
    std::int64_t inner = 0;    ///< channels inside each expert
    std::int64_t experts = 8;  ///< without the shared one
    int top_k = 2;             ///< experts of a token
  };

  Linear gate;  ///< width -> experts, no bias
  std::vector<Mlp> experts;
  Mlp shared;
  int top_k = 0;

  MixtureOfExperts() = default;
  /// Binds "gate.weight", "experts.<e>.net.0.proj.*" and ".net.2.*", and the same below
  /// "shared_experts".
  MixtureOfExperts(const checkpoint::Binder& binder, const Options& options);

  /// residual += moe(x).
  void add_to(Context& ctx, const ops::RowView& residual, const ops::RowView& x) const;
};

}  // namespace sinter::nn
