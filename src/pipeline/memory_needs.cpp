#include "pipeline/memory_needs.h"

#include <algorithm>

namespace sinter::pipeline {

namespace {

using Bytes = std::uint64_t;

/// Rows of so many channels in all, 16 bits each.
Bytes half(std::int64_t rows, std::int64_t channels) {
  return 2 * static_cast<Bytes>(rows) * static_cast<Bytes>(channels);
}
Bytes single(std::int64_t rows, std::int64_t channels) {
  return 2 * half(rows, channels);
}
std::int64_t padded(std::int64_t channels) {
  constexpr std::int64_t kAligned = 8;
  return (channels + kAligned - 1) / kAligned * kAligned;
}

/// Rows of a matrix start at 16 bytes, allocations at 512.
Bytes weight_bytes(const Shape& shape) {
  constexpr Bytes kBlock = 512;
  if (shape.elements() == 0) return 0;
  const std::int64_t rows = shape.rank() > 1 ? shape[0] : 1;
  const Bytes bytes = half(rows, padded(shape.elements() / rows));
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

std::array<Bytes, kNetworks> network_weights(const models::ShapeModelConfig& config) {
  std::array<Bytes, kNetworks> weights{};
  constexpr std::array<std::string_view, kNetworks> kPrefixes = {"conditioner.", "model.", "vae."};
  for (const checkpoint::TensorEntry& entry : models::bundle_tensors(config)) {
    for (std::size_t i = 0; i < kNetworks; ++i) {
      if (entry.name.starts_with(kPrefixes[i])) weights[i] += weight_bytes(entry.shape);
    }
  }
  return weights;
}

/// The tokens of all pictures, which live from the first stage to the second.
Bytes condition_tokens(const RunShape& run) {
  const models::ImageConditionerConfig& conditioner = run.config.conditioner;
  return half(run.pictures * conditioner.tokens(), conditioner.backbone.width);
}

Bytes condition_activations(const RunShape& run) {
  const models::ImageConditionerConfig& conditioner = run.config.conditioner;
  const models::Dinov2Config& dino = conditioner.backbone;
  const std::int64_t side = conditioner.image_size / dino.patch_size;
  const std::int64_t tokens = side * side + 1, patch = 3 * dino.patch_size * dino.patch_size;
  const std::int64_t attention = 5 * dino.width;
  const std::int64_t ffn = 2 * dino.width + (dino.swiglu ? 3 : 1) * dino.inner();
  const std::int64_t embedding = padded(patch) + 2 * dino.width;
  return condition_tokens(run) + single(3 * conditioner.image_size, conditioner.image_size) +
         half(tokens, dino.width + std::max({attention, ffn, embedding}));
}

/// Latents and velocities, f32.
Bytes latent_bytes(const RunShape& run, std::int64_t branches) {
  return single((1 + branches) * run.config.vae.num_latents, run.config.vae.embed_dim);
}

/// Outputs that a cache of modules keeps, for each latent row.
std::int64_t modules_of(const models::ShapeModelConfig& config) {
  const auto* dit = std::get_if<models::Hunyuan3DDitConfig>(&config.dit);
  return dit != nullptr ? dit->modules() : 0;
}

/// What a cache keeps from step to step.
Bytes kept_bytes(const sampling::CacheConfig& cache, const RunShape& run, std::int64_t width) {
  if (cache.offload) return 0;
  return sampling::cache_bytes(cache,
                               run.solver,
                               {.latents = run.config.vae.num_latents,
                                .channels = run.config.vae.embed_dim,
                                .branches = run.guided ? 2 : 1,
                                .width = width,
                                .modules = modules_of(run.config),
                                .activations = DType::f16});
}

/// What a cache keeps, and what it works with beside: for each step a few numbers, at the trunk a
/// copy of 16 bits and one of f32.
Bytes cache_bytes(const RunShape& run, std::int64_t width) {
  const std::int64_t latents = run.config.vae.num_latents, branches = run.guided ? 2 : 1;
  const bool inside = run.cache.method == sampling::CacheMethod::first_block ||
                      run.cache.method == sampling::CacheMethod::tea;
  const Bytes beside = inside ? 3 * half(branches * latents, width) + half(latents, width) : 0;
  // The output of one module, of all rows.
  const std::int64_t rows = branches * (latents + run.pictures * run.config.conditioner.tokens());
  const bool shows = run.cache.granularity == sampling::Granularity::module;
  return kept_bytes(run.cache, run, width) + beside + (shows ? half(rows, width) : 0) +
         single(run.steps, 16);
}

MemoryNeeds::Stage dit_activations(const models::Hunyuan3DDitConfig& dit, const RunShape& run) {
  const std::int64_t latents = run.config.vae.num_latents, width = dit.width;
  const std::int64_t context = run.pictures * run.config.conditioner.tokens();
  const std::int64_t zeros = run.switches.collapse_unconditional ? 1 : context;
  const std::int64_t branches = run.guided ? 2 : 1;
  const std::int64_t condition = context + (run.guided ? zeros : 0);
  const std::int64_t rows = condition + branches * latents;
  const std::int64_t stream = std::max(condition, branches * latents);
  const std::int64_t modulation =
      width * (12 * dit.double_blocks + 3 * dit.single_blocks + 2 + 2);  // and the time's vector
  const std::int64_t tables = run.switches.modulation_table ? run.steps : 1;
  // Tokens and a norm of them that is handed on; projections; what ends a block.
  const Bytes doubles = half(rows, 3 * width) + half(stream, dit.inner + 2 * width);
  const Bytes singles = half(rows, 3 * width + width + dit.inner + width);
  return {.arena = condition_tokens(run) + latent_bytes(run, branches) +
                   half(condition, width + dit.context_width) + half(tables, modulation) +
                   half(rows, 2 * width) + std::max(doubles, singles) + cache_bytes(run, width)};
}

MemoryNeeds::Stage dit_activations(const models::HunyuanDitPlainConfig& dit, const RunShape& run) {
  const std::int64_t width = dit.width, inner = dit.inner();
  const std::int64_t context = run.pictures * run.config.conditioner.tokens();
  const std::int64_t branches = run.guided ? 2 : 1;
  const std::int64_t rows = branches * (1 + run.config.vae.num_latents);
  const std::int64_t skips = dit.depth / 2;
  const std::int64_t attention = width + 3 * width + width;
  // A mixture holds its gathered rows and what its experts have within, the MLP that only.
  const std::int64_t mixture = dit.moe_layers > 0 ? dit.top_k * (width + inner) : 0;
  const std::int64_t mlp = width + std::max(inner, mixture);
  const std::int64_t skip = 4 * width;
  const std::int64_t contexts = run.switches.skip_zero_context ? 1 : branches;
  return {.arena = condition_tokens(run) + latent_bytes(run, branches) +
                   half(context, dit.context_width) + half(run.steps, width + inner) +
                   half(rows, (1 + skips) * width + std::max({attention, mlp, skip})) +
                   half(context, 2 * width) + single(rows, 16) + cache_bytes(run, width),
          .other = static_cast<Bytes>(contexts * dit.depth) * half(context, 2 * width)};
}

/// Keys and values of a shape, for the geometry decoder.
Bytes memory_bytes(const models::ShapeVaeConfig& vae, std::int64_t keys) {
  return half(keys, 2 * vae.width / vae.geo_downsample);
}

MemoryNeeds::Stage decoder_activations(const RunShape& run) {
  const models::ShapeVaeConfig& vae = run.config.vae;
  const std::int64_t ratio = vae.block().mlp_ratio;
  const std::int64_t block = std::max<std::int64_t>(5, 2 + ratio) * vae.width;
  return {.arena = condition_tokens(run) + latent_bytes(run, 2) +
                   single(vae.num_latents, vae.embed_dim) +
                   half(vae.num_latents, vae.width + block),
          .other = memory_bytes(vae, vae.num_latents)};
}

/// Of a point that the geometry decoder works on: its waves, the residual stream, and either norm
/// and queries or norm and the inner layer.
Bytes point_bytes(const models::ShapeVaeConfig& vae) {
  const std::int64_t width = vae.width / vae.geo_downsample;
  const std::int64_t waves = vae.fourier_channels();
  const std::int64_t inner = std::max<std::int64_t>(2, 1 + vae.geo_mlp_ratio) * width;
  constexpr std::int64_t kCoordinates = 8;  // and the logit, f32
  return half(1, waves + padded(waves) + width + inner + kCoordinates);
}

/// What sampling takes beside the decoder: coarser lattices, marks, lists of points.
MemoryNeeds::Stage volume_scratch(const RunShape& run) {
  const std::int64_t side = run.octree + 1, grid = side * side * side;
  constexpr std::int64_t kChunk = 131072, kFocusedGroups = 32;
  const models::ShapeVaeConfig& vae = run.config.vae;
  const Bytes field = single(grid, 1), shape = memory_bytes(vae, vae.num_latents);
  const Bytes kept = condition_tokens(run) + latent_bytes(run, 2);
  switch (run.decode) {
    case Decode::dense:
      return {.arena = kept + single(kChunk, 4), .other = field + shape};
    case Decode::hierarchical:
      return {.arena = kept + single(kChunk, 4) + half(grid, 1) / 2 * 5 / 4 +
                       single(24 * side * side, 1),
              .other = field + shape};
    case Decode::flashvdm:
      break;
  }
  return {.arena = kept + half(grid, 1) / 2 * 7 / 2 + single(32 * side * side, 7),
          .other = field + shape + kFocusedGroups * shape};  // KeyRule::merged may keep all keys
}

MemoryNeeds::Stage surface_scratch(const RunShape& run) {
  const std::int64_t side = run.octree + 1, grid = side * side * side;
  const std::int64_t faces = 18 * side * side;
  const Bytes kept = condition_tokens(run) + latent_bytes(run, 2);
  const Bytes blocks = half(grid, 1) / 2 * 7 / 10, floaters = single(faces, 11);
  // A mesh and its copy without floaters are smaller than the field that went before.
  return {.arena = kept + std::max(blocks, floaters), .other = single(grid, 1) + single(faces, 5)};
}

/// Of all that is not worth a name here: tables of the extractor, numbers on their way.
constexpr Bytes kSmallThings = 2'000'000;

}  // namespace

MemoryNeeds memory_needs(const RunShape& run) {
  MemoryNeeds needs;
  needs.weights = network_weights(run.config);
  needs.condition = {.arena = condition_activations(run)};
  needs.sample =
      std::visit([&](const auto& dit) { return dit_activations(dit, run); }, run.config.dit);
  if (run.cache.granularity == sampling::Granularity::module) {
    const auto width = std::visit([](const auto& dit) { return dit.width; }, run.config.dit);
    sampling::CacheConfig smaller = run.cache;
    smaller.granularity = sampling::Granularity::trunk;
    needs.cache = kept_bytes(run.cache, run, width);
    needs.smaller_cache = kept_bytes(smaller, run, width);
  }
  needs.latents = decoder_activations(run);
  needs.volume = volume_scratch(run);
  needs.volume_point = point_bytes(run.config.vae);
  needs.surface = surface_scratch(run);
  for (auto* stage :
       {&needs.condition, &needs.sample, &needs.latents, &needs.volume, &needs.surface}) {
    stage->other += kSmallThings;
  }
  return needs;
}

}  // namespace sinter::pipeline
