#include "pipeline/cuda/device_extractor.h"

#include <vector>

#include "mesh/cleanup.h"
#include "mesh/cuda/sample_dense.h"
#include "mesh/cuda/sample_flashvdm.h"
#include "mesh/cuda/sample_hierarchical.h"
#include "pipeline/volume.h"

namespace sinter::pipeline {

namespace {

/// Points of a call of the sampler: a few blocks of the decoder's.
constexpr std::int64_t kChunk = 131072;
/// Points of a call of FlashVDM's sampler: enough bins to choose their keys together.
constexpr std::int64_t kGroupPoints = 524288;

/// Values for kernels, which do not write to what they only read.
Tensor on_device(const float* data, const Shape& shape, std::string_view name) {
  return {const_cast<float*>(data), DType::f32, Device::cuda, shape, name};
}

mesh::cuda::DeviceGroupSampler group_sampler(Context& ctx,
                                             const models::ShapeVae& vae,
                                             const models::GeometryMemory& memory,
                                             FlashVdmKeys keys) {
  return [&ctx, &vae, &memory, keys](mesh::GroupStage stage,
                                     std::span<const mesh::cuda::DevicePointGroup> groups,
                                     cudaStream_t) {
    std::vector<models::QueryGroup> queries;
    for (const auto& group : groups) {
      queries.push_back({on_device(group.sample, {group.sample_count, 3}, "sample"),
                         on_device(group.points, {group.count, 3}, "points"),
                         on_device(group.logits, {group.count}, "logits")});
    }
    vae.query_groups(ctx, memory, queries, flashvdm_rule(keys, stage));
  };
}

}  // namespace

DeviceExtractor::DeviceExtractor(Context& ctx)
    : stream_(static_cast<cudaStream_t>(ctx.accelerator()->native_queue())) {}

void DeviceExtractor::sample(Context& ctx,
                             const models::ShapeVae& vae,
                             const models::GeometryMemory& memory,
                             const GenerateOptions& options,
                             const mesh::SampleProgress& progress,
                             mesh::SampleStats& stats) {
  const mesh::Grid grid(options.octree, options.box);
  const mesh::cuda::DeviceSampler sampler = [&](const float* points,
                                                std::int64_t count,
                                                float* logits,
                                                cudaStream_t) {
    vae.query(
        ctx, memory, on_device(points, {count, 3}, "points"), on_device(logits, {count}, "logits"));
  };
  switch (options.decode) {
    case Decode::dense:
      field_ = mesh::cuda::sample_dense(
          grid, sampler, {.chunk = kChunk, .progress = progress}, ctx.arena(), stream_, &stats);
      return;
    case Decode::hierarchical:
      field_ = mesh::cuda::sample_hierarchical(grid,
                                               sampler,
                                               {.level = static_cast<float>(options.level),
                                                .chunk = kChunk,
                                                .follow_surface = ctx.switches.surface_following,
                                                .progress = progress,
                                                .poll = ctx.poll},
                                               ctx.arena(),
                                               stream_,
                                               &stats);
      return;
    case Decode::flashvdm:
      break;
  }
  mesh::FlashVdmOptions flashvdm = flashvdm_options(ctx, options, progress);
  flashvdm.call_points = kGroupPoints;
  field_ = mesh::cuda::sample_flashvdm(grid,
                                       group_sampler(ctx, vae, memory, options.flashvdm_keys),
                                       flashvdm,
                                       ctx.arena(),
                                       stream_,
                                       &stats);
}

void DeviceExtractor::extract(Context& ctx, const GenerateOptions& options) {
  mesh_ = marching_cubes_.run(
      *field_, {.level = static_cast<float>(options.level)}, ctx.arena(), stream_);
  field_.reset();
}

Mesh DeviceExtractor::finish(Context& ctx, const GenerateOptions& options, std::int64_t& removed) {
  ctx.check_cancelled();
  removed = 0;
  if (options.remove_floaters) {
    removed = mesh::cuda::remove_floaters(mesh_, mesh::kFloaterRatio, ctx.arena(), stream_);
  }
  Mesh result = download_.run(mesh_, stream_);
  mesh_ = {};
  return result;
}

}  // namespace sinter::pipeline
