#include "models/shape_encoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "nn/tap.h"
#include "ops/embedding.h"
#include "ops/farthest_point_sampling.h"

namespace sinter::models {

namespace {

constexpr float kPostEps = 1e-5F;  // library default, unlike every other norm of the network
constexpr float kMinLogVariance = -30.0F, kMaxLogVariance = 20.0F;

/// Uniform integer in [0, bound), the same on every machine (std::uniform_int_distribution is not).
std::int64_t draw(std::mt19937_64& generator, std::int64_t bound) {
  const auto range = static_cast<std::uint64_t>(bound);
  const std::uint64_t limit = generator.max() - generator.max() % range;
  std::uint64_t value = generator();
  while (value >= limit) value = generator();
  return static_cast<std::int64_t>(value % range);
}

/// `count` different numbers of [0, total), in random order.
std::vector<std::int64_t> draw_rows(std::mt19937_64& generator,
                                    std::int64_t total,
                                    std::int64_t count) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(total));
  std::iota(rows.begin(), rows.end(), 0);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t j = i + draw(generator, total - i);
    std::swap(rows[static_cast<std::size_t>(i)], rows[static_cast<std::size_t>(j)]);
  }
  rows.resize(static_cast<std::size_t>(count));
  return rows;
}

/// Rows [begin, end) of the surface, of which `queries` become tokens.
struct PointSet {
  std::int64_t begin = 0, end = 0, queries = 0;
};

/// Adds the kept rows and the queries of one set.
void select_set(Context& ctx,
                const Tensor& surface,
                const PointSet& set,
                double downsample,
                std::mt19937_64& generator,
                SurfaceSelection& selection) {
  if (set.queries == 0) return;
  const std::int64_t available = set.end - set.begin, queries = set.queries;
  SINTER_CHECK(available >= queries,
               ErrorCode::invalid_argument,
               "[encoder] surface: expected at least ",
               queries,
               " points to choose queries from, got ",
               available);
  const auto wanted = static_cast<std::int64_t>(static_cast<double>(queries) * downsample);
  const std::int64_t kept = std::clamp(wanted, queries, available);
  std::vector<std::int64_t> rows = draw_rows(generator, available, kept);
  for (std::int64_t& row : rows) row += set.begin;

  ArenaScope scope(ctx.arena());
  const Tensor points = ctx.allocate(DType::f32, {kept, 3}, "surface points");
  for (std::int64_t i = 0; i < kept; ++i) {
    const std::int64_t row = rows[static_cast<std::size_t>(i)];
    std::copy_n(surface.f32() + row * surface.dim(1), 3, points.f32_mut() + 3 * i);
  }
  const Tensor picked = ops::farthest_point_sampling(ctx, points, queries, draw(generator, kept));
  const auto* index = picked.ptr<std::int64_t>();
  for (std::int64_t i = 0; i < queries; ++i) {
    selection.queries.push_back(rows[static_cast<std::size_t>(index[i])]);
  }
  selection.data.insert(selection.data.end(), rows.begin(), rows.end());
}

}  // namespace

SurfaceSelection select_surface(Context& ctx,
                                const ShapeVaeConfig& config,
                                const Tensor& surface,
                                std::uint64_t seed) {
  const std::int64_t total = config.pc_size + config.pc_sharpedge_size;
  const Shape expected{total, 3 + config.point_feats};
  SINTER_CHECK(surface.dtype == DType::f32 && surface.shape == expected,
               ErrorCode::invalid_argument,
               "[encoder] surface: expected f32 ",
               expected,
               ", got ",
               to_string(surface.dtype),
               " ",
               surface.shape);
  const std::int64_t uniform = (config.num_latents * config.pc_size + total - 1) / total;
  std::mt19937_64 generator(seed);
  SurfaceSelection selection;
  for (const PointSet& set : {PointSet{0, config.pc_size, uniform},
                              PointSet{config.pc_size, total, config.num_latents - uniform}}) {
    select_set(ctx, surface, set, config.downsample_ratio, generator, selection);
  }
  return selection;
}

ShapeEncoder::ShapeEncoder(const checkpoint::Binder& binder, const ShapeVaeConfig& config)
    : config_(config),
      input_proj_(binder,
                  "encoder.input_proj",
                  config.fourier_channels() + config.point_feats,
                  config.width),
      cross_attn_(binder.scope("encoder").scope("cross_attn"), config.block()),
      pre_kl_(binder, "pre_kl", config.width, 2 * config.embed_dim) {
  const checkpoint::Binder encoder = binder.scope("encoder");
  for (std::int64_t i = 0; i < config.encoder_layers; ++i) {
    blocks_.emplace_back(encoder.scope("self_attn").scope("resblocks", i), config.block());
  }
  if (config.use_ln_post) ln_post_.emplace(encoder, "ln_post", config.width, kPostEps);
}

Tensor ShapeEncoder::project(Context& ctx,
                             const Tensor& surface,
                             const std::vector<std::int64_t>& rows) const {
  const auto count = static_cast<std::int64_t>(rows.size());
  const std::int64_t feats = config_.point_feats, fourier = config_.fourier_channels();
  const Tensor x = ctx.allocate(DType::f32, {count, config_.width}, "points");
  ArenaScope scope(ctx.arena());
  const Tensor points = ctx.allocate(DType::f32, {count, 3}, "xyz");
  const Tensor input = ctx.allocate(DType::f32, {count, fourier + feats}, "embedded points");
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = rows[static_cast<std::size_t>(i)];
    const Tensor point = surface.slice(row, row + 1);
    std::copy_n(point.f32(), 3, points.f32_mut() + 3 * i);
    std::copy_n(point.f32() + 3, feats, input.f32_mut() + i * input.dim(1) + fourier);
  }
  const Tensor embedded = ops::fourier_embed(ctx, points, config_.fourier());
  for (std::int64_t i = 0; i < count; ++i) {
    std::copy_n(embedded.f32() + i * fourier, fourier, input.f32_mut() + i * input.dim(1));
  }
  input_proj_.into(ctx, input, x);
  return x;
}

Posterior ShapeEncoder::forward(Context& ctx,
                                const Tensor& surface,
                                const SurfaceSelection& selection) const {
  SINTER_CHECK(surface.dtype == DType::f32 && surface.shape.rank() == 2 &&
                   surface.dim(1) == 3 + config_.point_feats,
               ErrorCode::invalid_argument,
               "[encoder] surface: expected f32 [points, ",
               3 + config_.point_feats,
               "], got ",
               surface.shape);
  const auto tokens = static_cast<std::int64_t>(selection.queries.size());
  const std::int64_t channels = config_.embed_dim;
  const Posterior result{ctx.allocate(DType::f32, {tokens, channels}, "mean"),
                         ctx.allocate(DType::f32, {tokens, channels}, "log variance")};
  ArenaScope scope(ctx.arena());
  const Tensor x = project(ctx, surface, selection.queries);
  {
    ArenaScope memory(ctx.arena());
    const Tensor data = project(ctx, surface, selection.data);
    cross_attn_.forward(ctx, x, cross_attn_.keys_values(ctx, data));
  }
  nn::tap(ctx, x, "encoder.cross_attn");
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    ctx.check_cancelled();
    blocks_[i].forward(ctx, x);
    nn::tap(ctx, x, "encoder.self_attn.", i);
  }
  const Tensor y = pre_kl_.forward(ctx, ln_post_ ? ln_post_->forward(ctx, x) : x);
  for (std::int64_t i = 0; i < tokens * channels; ++i) {
    const float* row = y.f32() + (i / channels) * 2 * channels + i % channels;
    result.mean.f32_mut()[i] = row[0];
    result.log_variance.f32_mut()[i] = std::clamp(row[channels], kMinLogVariance, kMaxLogVariance);
  }
  return result;
}

}  // namespace sinter::models
