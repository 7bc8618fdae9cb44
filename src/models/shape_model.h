#pragma once
// A bundle: the three networks from a photo to a shape, loaded one at a time so that the caller
// decides how many are in memory together.
//
//   ShapeModel model = ShapeModel::open("models/sinter-small");
//   {
//     auto conditioner = model.load_conditioner(ctx.placement());
//     condition = conditioner->forward(ctx, image);
//   }                                                       // its weights are gone
//   auto dit = model.load_dit(ctx.placement());

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "checkpoint/binder.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/config.h"
#include "checkpoint/model_source.h"
#include "models/hunyuan3d_dit_config.h"
#include "models/hunyuan_dit_plain_config.h"
#include "models/image_conditioner.h"
#include "models/shape_denoiser.h"
#include "models/shape_encoder.h"
#include "models/shape_vae.h"

namespace sinter::models {

/// The shape transformer of the 2.0 family, or that of 2.1: the target of the `model` section
/// tells.
using DitConfig = std::variant<Hunyuan3DDitConfig, HunyuanDitPlainConfig>;

/// The network sections of a bundle's config.yaml.
struct ShapeModelConfig {
  ImageConditionerConfig conditioner;
  DitConfig dit;
  ShapeVaeConfig vae;

  /// Distilled transformers: the guidance scale is an input, and there is no unconditional branch.
  bool guidance_embed() const;

  /// From the root of the document. Also checks that the networks fit each other.
  static ShapeModelConfig from(const checkpoint::ConfigNode& root);
};

/// Every tensor that the networks of these sections bind, as f16, sorted by name: a bundle's
/// transformer, decoding half of the VAE and image encoder; and those of a stand-alone VAE.
std::vector<checkpoint::TensorEntry> bundle_tensors(const ShapeModelConfig& config);
std::vector<checkpoint::TensorEntry> vae_tensors(const ShapeVaeConfig& config);

/// A network and the memory it lives in. Move only.
template <class Network>
struct Loaded {
  checkpoint::WeightStore weights;
  std::unique_ptr<const Network> network;

  const Network* operator->() const { return network.get(); }
  const Network& operator*() const { return *network; }
};

class ShapeModel {
 public:
  /// Whatever checkpoint::open_model() opens. Reads headers and configuration only, and proves that
  /// every tensor of every network is there with its shape and that nothing is left over: one
  /// ErrorCode::corrupt lists all that is wrong. Raises open_model()'s errors too.
  static ShapeModel open(const checkpoint::ModelRequest& request);
  static ShapeModel open(const std::string& path) {
    return open(checkpoint::ModelRequest{.model = path});
  }
  ShapeModel(checkpoint::Checkpoint checkpoint, checkpoint::ConfigNode config);

  const ShapeModelConfig& config() const { return config_; }
  /// The whole document: scheduler and image_processor are read by others.
  const checkpoint::ConfigNode& document() const { return document_; }
  const checkpoint::Checkpoint& checkpoint() const { return checkpoint_; }
  /// What open() and use_vae() took for granted, one line each; see checkpoint::ModelSource.
  const std::vector<std::string>& notes() const { return notes_; }

  /// Uses a stand-alone VAE (config.yaml {target, params}, names without prefix) of the same latent
  /// space instead of the bundle's, for example the turbo VAE with its small geometry decoder:
  /// number of latents and scale factor in config().vae are then its own. Checked as open() checks;
  /// raises ErrorCode::invalid_argument naming both files for another number of latent channels.
  void use_vae(const checkpoint::ModelRequest& request);
  void use_vae(checkpoint::Checkpoint checkpoint, const checkpoint::ConfigNode& config);
  /// Holds the VAE in use: checkpoint(), or the stand-alone file.
  const checkpoint::Checkpoint& vae_checkpoint() const { return vae_checkpoint_; }

  /// Of the VAE in use. False for most bundles: encoders are published apart.
  bool has_encoder() const;

  /// Elements of the weights that each network binds; of the transformer's, those that depend on
  /// the time alone apart.
  struct WeightCounts {
    double conditioner = 0, dit = 0, modulations = 0, vae = 0;
  };
  WeightCounts weight_counts() const;

  /// Called between tensors while weights are loaded; to stop, it throws.
  using Poll = std::function<void()>;
  /// Each reads and converts one network's weights. Raises ErrorCode::corrupt listing every weight
  /// that is not a finite number.
  Loaded<ImageConditioner> load_conditioner(const Placement& placement = {},
                                            const Poll& poll = {}) const;
  Loaded<ShapeDenoiser> load_dit(const Placement& placement = {}, const Poll& poll = {}) const;
  Loaded<ShapeVae> load_vae(const Placement& placement = {}, const Poll& poll = {}) const;
  /// Raises ErrorCode::not_found where has_encoder() is false.
  Loaded<ShapeEncoder> load_encoder(const Placement& placement = {}) const;

 private:
  checkpoint::Checkpoint checkpoint_;
  checkpoint::ConfigNode document_;
  ShapeModelConfig config_;
  std::vector<std::string> notes_;
  checkpoint::Checkpoint vae_checkpoint_;
  std::string vae_prefix_ = "vae";
};

}  // namespace sinter::models
