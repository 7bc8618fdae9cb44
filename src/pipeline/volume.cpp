#include "pipeline/volume.h"

#include <algorithm>

#include "mesh/sample_dense.h"
#include "mesh/sample_hierarchical.h"

namespace sinter::pipeline {

namespace {

/// Points of a group that are answered between two polls.
constexpr std::size_t kGroupChunk = 16384;

/// A view of points for a network, which only reads it.
Tensor points_tensor(std::span<const mesh::Vec3> points) {
  return {const_cast<mesh::Vec3*>(points.data()),
          DType::f32,
          Device::cpu,
          {static_cast<std::int64_t>(points.size()), 3},
          "points"};
}

void query(Context& ctx,
           const models::ShapeVae& vae,
           const models::GeometryMemory& memory,
           std::span<const mesh::Vec3> points,
           std::span<float> logits) {
  const auto count = static_cast<std::int64_t>(logits.size());
  vae.query(ctx,
            memory,
            points_tensor(points),
            {logits.data(), DType::f32, Device::cpu, {count}, "logits"});
}

mesh::Field sample_flashvdm(Context& ctx,
                            const models::ShapeVae& vae,
                            const models::GeometryMemory& memory,
                            const GenerateOptions& options,
                            const mesh::Grid& grid,
                            const mesh::SampleProgress& progress,
                            mesh::SampleStats& stats) {
  mesh::FlashVdmOptions flashvdm;
  flashvdm.level = static_cast<float>(options.level);
  flashvdm.levels = options.flashvdm_levels == FlashVdmLevels::upstream
                        ? mesh::FlashVdmLevels::upstream
                        : mesh::FlashVdmLevels::own;
  flashvdm.bin_sample = flashvdm_bin_sample(options.flashvdm_keys);
  flashvdm.threads = ctx.threads;
  flashvdm.follow_surface = ctx.switches.surface_following;
  flashvdm.progress = progress;
  flashvdm.poll = ctx.poll;
  const auto sampler = flashvdm_sampler(ctx, vae, memory, options.flashvdm_keys);
  return mesh::sample_flashvdm(grid, sampler, flashvdm, &stats);
}

}  // namespace

int flashvdm_bin_sample(FlashVdmKeys keys) {
  return keys == FlashVdmKeys::merge ? 30 : 50;
}

mesh::GroupSampler flashvdm_sampler(Context& ctx,
                                    const models::ShapeVae& vae,
                                    const models::GeometryMemory& memory,
                                    FlashVdmKeys keys) {
  return [&ctx, &vae, &memory, keys](mesh::GroupStage stage,
                                     std::span<const mesh::PointGroup> groups) {
    const bool merged = keys == FlashVdmKeys::merge && stage == mesh::GroupStage::bin;
    const auto rule = merged ? models::KeyRule::merged : models::KeyRule::mean;
    for (const mesh::PointGroup& group : groups) {
      const auto part = vae.focus(ctx, memory, points_tensor(group.sample), rule);
      for (std::size_t first = 0; first < group.points.size(); first += kGroupChunk) {
        const std::size_t count = std::min(kGroupChunk, group.points.size() - first);
        query(
            ctx, vae, part, group.points.subspan(first, count), group.logits.subspan(first, count));
        ctx.check_cancelled();
      }
    }
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
    query(ctx, vae, memory, points, logits);
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
  return sample_flashvdm(ctx, vae, memory, options, grid, progress, stats);
}

}  // namespace sinter::pipeline
