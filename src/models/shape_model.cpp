#include "models/shape_model.h"

#include <utility>
#include <vector>

#include "models/hunyuan3d_dit.h"
#include "models/hunyuan_dit_plain.h"

namespace sinter::models {

namespace {

using checkpoint::Binder;
using checkpoint::Checkpoint;
using checkpoint::ConfigNode;
using checkpoint::ModelRequest;
using checkpoint::ModelSource;
using checkpoint::TensorEntry;

using Names = std::vector<std::string>;

/// The tensors of each half of the VAE.
Names encoder_parts() {
  return {"encoder", "pre_kl"};
}
Names decoder_parts() {
  return {"post_kl", "transformer", "geo_decoder"};
}

ModelSource open_configured(const ModelRequest& request) {
  ModelSource source = checkpoint::open_model(request);
  SINTER_CHECK(source.config.defined(),
               ErrorCode::unsupported,
               "[model] ",
               source.checkpoint.path(),
               ": expected the weights of a shape model or config.yaml beside them, found neither");
  return source;
}

DitConfig read_dit(const ConfigNode& model) {
  const std::string target = model.target();
  if (target == "HunYuanDiTPlain") return HunyuanDitPlainConfig::from(model);
  SINTER_CHECK(target == "Hunyuan3DDiT",
               ErrorCode::unsupported,
               "[config] ",
               model.file(),
               ": ",
               model.path(),
               ".target: expected Hunyuan3DDiT or HunYuanDiTPlain, got ",
               target);
  return Hunyuan3DDitConfig::from(model);
}

std::unique_ptr<const ShapeDenoiser> make_dit(const Binder& binder, const DitConfig& config) {
  if (const auto* plain = std::get_if<HunyuanDitPlainConfig>(&config)) {
    return std::make_unique<HunyuanDitPlain>(binder, *plain);
  }
  return std::make_unique<Hunyuan3DDit>(binder, std::get<Hunyuan3DDitConfig>(config));
}

void bind_vae(const Binder& names, const ShapeVaeConfig& config) {
  const ShapeVae vae(names, config);
  if (names.has_scope("encoder")) const ShapeEncoder encoder(names, config);
}

/// The checkpoint without its data.
Checkpoint outline_of(const Checkpoint& checkpoint) {
  std::vector<TensorEntry> entries(checkpoint.entries().begin(), checkpoint.entries().end());
  for (TensorEntry& entry : entries) entry.bytes = {};
  return Checkpoint::outline(std::move(entries), checkpoint.path());
}

/// Binds all networks to names and shapes alone.
void bind_names(const Binder& root, const ShapeModelConfig& config) {
  const ImageConditioner conditioner(root.scope("conditioner"), config.conditioner);
  make_dit(root.scope("model"), config.dit);
  bind_vae(root.scope("vae"), config.vae);
}

void check_names(const Checkpoint& checkpoint, const ShapeModelConfig& config) {
  checkpoint::WeightStore store;
  const Binder root(outline_of(checkpoint), store);
  bind_names(root, config);
  root.finish();
}

/// What `bind` asks an empty checkpoint for.
std::vector<TensorEntry> tensors_of(const std::function<void(const Binder&)>& bind) {
  checkpoint::WeightStore store;
  const Binder root(Checkpoint::outline({}, "nothing"), store);
  bind(root);
  std::vector<TensorEntry> entries;
  for (const auto& [name, shape] : root.absent()) {
    TensorEntry& entry = entries.emplace_back();
    entry.name = name;
    entry.dtype = DType::f16;
    entry.shape = shape;
  }
  return entries;
}

template <class Network, class Config>
Loaded<Network> load(const Checkpoint& checkpoint,
                     std::string_view prefix,
                     const Config& config,
                     const Placement& placement,
                     const ShapeModel::Poll& poll,
                     const Names& others = {}) {
  checkpoint::WeightStore store;
  const Binder binder(checkpoint, store, prefix, placement, poll);
  auto network = std::make_unique<const Network>(binder, config);
  binder.finish(others);
  return {std::move(store), std::move(network)};
}

}  // namespace

ShapeModelConfig ShapeModelConfig::from(const ConfigNode& root) {
  const ConfigNode model = root.child("model");
  ShapeModelConfig c{.conditioner = ImageConditionerConfig::from(root.child("conditioner")),
                     .dit = read_dit(model),
                     .vae = ShapeVaeConfig::from(root.child("vae"))};
  const auto* plain = std::get_if<HunyuanDitPlainConfig>(&c.dit);
  const auto [context_width, in_channels] = std::visit(
      [](const auto& config) { return std::pair(config.context_width, config.in_channels); },
      c.dit);
  if (context_width != c.conditioner.backbone.width) {
    model.child("params").fail_at(plain != nullptr ? "context_dim" : "context_in_dim",
                                  cat("expected the conditioner's hidden_size ",
                                      c.conditioner.backbone.width,
                                      ", found ",
                                      context_width));
  }
  if (in_channels != c.vae.embed_dim) {
    model.child("params").fail_at(
        "in_channels",
        cat("expected the VAE's embed_dim ", c.vae.embed_dim, ", found ", in_channels));
  }
  return c;
}

std::vector<TensorEntry> bundle_tensors(const ShapeModelConfig& config) {
  return tensors_of([&](const Binder& root) { bind_names(root, config); });
}

std::vector<TensorEntry> vae_tensors(const ShapeVaeConfig& config) {
  return tensors_of([&](const Binder& root) { bind_vae(root, config); });
}

bool ShapeModelConfig::guidance_embed() const {
  const auto* dit_2_0 = std::get_if<Hunyuan3DDitConfig>(&dit);
  return dit_2_0 != nullptr && dit_2_0->guidance_embed;
}

ShapeModel ShapeModel::open(const ModelRequest& request) {
  ModelSource source = open_configured(request);
  ShapeModel model(std::move(source.checkpoint), std::move(source.config));
  model.notes_ = std::move(source.notes);
  return model;
}

ShapeModel::ShapeModel(Checkpoint checkpoint, ConfigNode config)
    : checkpoint_(std::move(checkpoint)),
      document_(std::move(config)),
      config_(ShapeModelConfig::from(document_)),
      vae_checkpoint_(checkpoint_) {
  check_names(checkpoint_, config_);
}

void ShapeModel::use_vae(const ModelRequest& request) {
  ModelSource source = open_configured(request);
  use_vae(std::move(source.checkpoint), source.config);
  notes_.insert(notes_.end(), source.notes.begin(), source.notes.end());
}

void ShapeModel::use_vae(Checkpoint checkpoint, const ConfigNode& config) {
  const ShapeVaeConfig vae = ShapeVaeConfig::from(config);
  SINTER_CHECK(vae.embed_dim == config_.vae.embed_dim,
               ErrorCode::invalid_argument,
               "[model] vae: expected ",
               config_.vae.embed_dim,
               " latent channels, as the transformer has (",
               document_.file(),
               "), got ",
               vae.embed_dim,
               " (",
               config.file(),
               ")");
  checkpoint::WeightStore store;
  const Binder names(outline_of(checkpoint), store);
  bind_vae(names, vae);
  names.finish();
  config_.vae = vae;
  vae_checkpoint_ = std::move(checkpoint);
  vae_prefix_.clear();
}

bool ShapeModel::has_encoder() const {
  const std::string dot = vae_prefix_.empty() ? "" : ".";
  return !vae_checkpoint_.with_prefix(vae_prefix_ + dot + "encoder.").empty();
}

ShapeModel::WeightCounts ShapeModel::weight_counts() const {
  WeightCounts counts;
  const auto elements = [](const TensorEntry& entry) {
    return static_cast<double>(entry.elements());
  };
  for (const TensorEntry& entry : bundle_tensors(config_)) {
    const std::string_view name = entry.name;
    const auto has = [&](std::string_view part) { return name.find(part) != name.npos; };
    if (name.starts_with("conditioner.")) counts.conditioner += elements(entry);
    if (name.starts_with("vae.")) counts.vae += elements(entry);
    if (!name.starts_with("model.")) continue;
    const bool modulation = has("_mod.lin.") || has("modulation.lin.") || has("adaLN_modulation.");
    (modulation ? counts.modulations : counts.dit) += elements(entry);
  }
  return counts;
}

Loaded<ImageConditioner> ShapeModel::load_conditioner(const Placement& placement,
                                                      const Poll& poll) const {
  return load<ImageConditioner>(checkpoint_, "conditioner", config_.conditioner, placement, poll);
}

Loaded<ShapeDenoiser> ShapeModel::load_dit(const Placement& placement, const Poll& poll) const {
  checkpoint::WeightStore store;
  const Binder binder(checkpoint_, store, "model", placement, poll);
  auto network = make_dit(binder, config_.dit);
  binder.finish();
  return {std::move(store), std::move(network)};
}

Loaded<ShapeVae> ShapeModel::load_vae(const Placement& placement, const Poll& poll) const {
  return load<ShapeVae>(
      vae_checkpoint_, vae_prefix_, config_.vae, placement, poll, encoder_parts());
}

Loaded<ShapeEncoder> ShapeModel::load_encoder(const Placement& placement) const {
  SINTER_CHECK(has_encoder(),
               ErrorCode::not_found,
               "[model] vae.encoder: expected the weights of the VAE's encoder, found none (",
               vae_checkpoint_.path(),
               ")");
  return load<ShapeEncoder>(
      vae_checkpoint_, vae_prefix_, config_.vae, placement, {}, decoder_parts());
}

}  // namespace sinter::models
