#pragma once
// The networks of a model, loaded when a run comes to them.

#include <array>
#include <memory>
#include <utility>

#include "models/shape_model.h"
#include "pipeline/memory_plan.h"

namespace sinter::pipeline {

/// Hands out a model's networks. One that stays is loaded once and kept in memory, so that later
/// runs start at once; any other is freed when the run lets go of it. Not thread-safe.
class Networks {
 public:
  /// \param keep whether networks stay where there is room.
  Networks(models::ShapeModel model, bool keep) : model_(std::move(model)), keep_(keep) {
    stays_.fill(keep);
  }

  const models::ShapeModel& model() const { return model_; }
  bool keep() const { return keep_; }

  /// By NetworkId: those that are in memory while no run needs them.
  std::array<bool, kNetworks> there() const {
    return {conditioner_ != nullptr, dit_ != nullptr, vae_ != nullptr};
  }
  /// By NetworkId. Frees those that are there and do not stay. \return whether there was one.
  bool set_stays(const std::array<bool, kNetworks>& stays) {
    stays_ = stays;
    const std::array<bool, kNetworks> dropped = {drop(NetworkId::conditioner, conditioner_),
                                                 drop(NetworkId::dit, dit_),
                                                 drop(NetworkId::vae, vae_)};
    return dropped[0] || dropped[1] || dropped[2];
  }

  /// A network together with its weights.
  template <class Network>
  using Shared = std::shared_ptr<const Network>;
  using Poll = models::ShapeModel::Poll;

  /// Each raises what ShapeModel's function of that name raises; a load that was stopped leaves
  /// nothing behind.
  Shared<models::ImageConditioner> conditioner(const Placement& placement, const Poll& poll) {
    return get(NetworkId::conditioner, conditioner_, [&] {
      return model_.load_conditioner(placement, poll);
    });
  }
  Shared<models::ShapeDenoiser> dit(const Placement& placement, const Poll& poll) {
    return get(NetworkId::dit, dit_, [&] { return model_.load_dit(placement, poll); });
  }
  Shared<models::ShapeVae> vae(const Placement& placement, const Poll& poll) {
    return get(NetworkId::vae, vae_, [&] { return model_.load_vae(placement, poll); });
  }

 private:
  template <class Network, class Load>
  Shared<Network> get(NetworkId id, Shared<Network>& kept, Load&& load) {
    if (kept != nullptr) return kept;
    const auto loaded = std::make_shared<const models::Loaded<Network>>(load());
    Shared<Network> network(loaded, loaded->network.get());
    if (stays(id)) kept = network;
    return network;
  }
  template <class Network>
  bool drop(NetworkId id, Shared<Network>& kept) {
    return !stays(id) && std::exchange(kept, nullptr) != nullptr;
  }
  bool stays(NetworkId id) const { return stays_[static_cast<std::size_t>(id)]; }

  models::ShapeModel model_;
  bool keep_;
  std::array<bool, kNetworks> stays_{};
  Shared<models::ImageConditioner> conditioner_;
  Shared<models::ShapeDenoiser> dit_;
  Shared<models::ShapeVae> vae_;
};

}  // namespace sinter::pipeline
