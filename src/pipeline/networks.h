#pragma once
// The networks of a model, loaded when a run comes to them.

#include <memory>

#include "models/shape_model.h"

namespace sinter::pipeline {

/// Hands out a model's networks. Where they are kept, each is loaded once and stays in memory, so
/// that later runs start at once; otherwise each is freed when the run lets go of it, so that no
/// two are in memory together. Not thread-safe.
class Networks {
 public:
  Networks(models::ShapeModel model, bool keep) : model_(std::move(model)), keep_(keep) {}

  const models::ShapeModel& model() const { return model_; }

  /// A network together with its weights.
  template <class Network>
  using Shared = std::shared_ptr<const Network>;
  using Poll = models::ShapeModel::Poll;

  /// Each raises what ShapeModel's function of that name raises; a load that was stopped leaves
  /// nothing behind.
  Shared<models::ImageConditioner> conditioner(const Placement& placement, const Poll& poll) {
    return get(conditioner_, [&] { return model_.load_conditioner(placement, poll); });
  }
  Shared<models::ShapeDenoiser> dit(const Placement& placement, const Poll& poll) {
    return get(dit_, [&] { return model_.load_dit(placement, poll); });
  }
  Shared<models::ShapeVae> vae(const Placement& placement, const Poll& poll) {
    return get(vae_, [&] { return model_.load_vae(placement, poll); });
  }

 private:
  template <class Network, class Load>
  Shared<Network> get(Shared<Network>& kept, Load&& load) {
    if (kept != nullptr) return kept;
    const auto loaded = std::make_shared<const models::Loaded<Network>>(load());
    Shared<Network> network(loaded, loaded->network.get());
    if (keep_) kept = network;
    return network;
  }

  models::ShapeModel model_;
  bool keep_;
  Shared<models::ImageConditioner> conditioner_;
  Shared<models::ShapeDenoiser> dit_;
  Shared<models::ShapeVae> vae_;
};

}  // namespace sinter::pipeline
