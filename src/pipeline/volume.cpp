#include "pipeline/volume.h"

#include <vector>

#include "mesh/sample_dense.h"
#include "mesh/sample_hierarchical.h"

namespace sinter::pipeline {

namespace {

/// Views for a network, which only reads the points.
Tensor points_tensor(std::span<const mesh::Vec3> points) {
  return {const_cast<mesh::Vec3*>(points.data()),
          DType::f32,
          Device::cpu,
          {static_cast<std::int64_t>(points.size()), 3},
          "points"};
}

Tensor logits_tensor(std::span<float> logits) {
  return {
      logits.data(), DType::f32, Device::cpu, {static_cast<std::int64_t>(logits.size())}, "logits"};
}

}  // namespace

models::KeyRule flashvdm_rule(FlashVdmKeys keys, mesh::GroupStage stage) {
  const bool merged = keys == FlashVdmKeys::merge && stage == mesh::GroupStage::bin;
  return merged ? models::KeyRule::merged : models::KeyRule::mean;
}

mesh::FlashVdmOptions flashvdm_options(const Context& ctx,
                                       const GenerateOptions& options,
                                       const mesh::SampleProgress& progress) {
  mesh::FlashVdmOptions result;
  result.level = static_cast<float>(options.level);
  result.levels = options.flashvdm_levels == FlashVdmLevels::upstream
                      ? mesh::FlashVdmLevels::upstream
                      : mesh::FlashVdmLevels::own;
  result.bin_sample = options.flashvdm_keys == FlashVdmKeys::merge ? 30 : 50;
  result.threads = ctx.threads;
  result.follow_surface = ctx.switches.surface_following;
  result.progress = progress;
  result.poll = ctx.poll;
  return result;
}

mesh::GroupSampler flashvdm_sampler(Context& ctx,
                                    const models::ShapeVae& vae,
                                    const models::GeometryMemory& memory,
                                    FlashVdmKeys keys) {
  return [&ctx, &vae, &memory, keys](mesh::GroupStage stage,
                                     std::span<const mesh::PointGroup> groups) {
    std::vector<models::QueryGroup> queries;
    for (const auto& [sample, points, logits] : groups) {
      queries.push_back({points_tensor(sample), points_tensor(points), logits_tensor(logits)});
    }
    vae.query_groups(ctx, memory, queries, flashvdm_rule(keys, stage));
  };
}

mesh::Field sample_volume(Context& ctx,
                          const models::ShapeVae& vae,
                          const models::GeometryMemory& memory,
                          const GenerateOptions& options,
                          const mesh::SampleProgress& progress,
                          mesh::SampleStats& stats) {
  const mesh::FieldSampler sampler = [&](std::span<const mesh::Vec3> points,
                                         std::span<float> logits) {
    vae.query(ctx, memory, points_tensor(points), logits_tensor(logits));
  };
  const mesh::Grid grid(options.octree, options.box);
  switch (options.decode) {
    case Decode::dense:
      return mesh::sample_dense(grid, sampler, {.progress = progress}, &stats);
    case Decode::hierarchical:
      return mesh::sample_hierarchical(grid,
                                       sampler,
                                       {.level = static_cast<float>(options.level),
                                        .threads = ctx.threads,
                                        .follow_surface = ctx.switches.surface_following,
                                        .progress = progress,
                                        .poll = ctx.poll},
                                       &stats);
    case Decode::flashvdm:
      break;
  }
  return mesh::sample_flashvdm(grid,
                               flashvdm_sampler(ctx, vae, memory, options.flashvdm_keys),
                               flashvdm_options(ctx, options, progress),
                               &stats);
}

}  // namespace sinter::pipeline
