#pragma once
// The volume stage: one shape's field, sampled the way that the options ask for.

#include "core/context.h"
#include "mesh/field.h"
#include "mesh/sample_flashvdm.h"
#include "mesh/sample_stats.h"
#include "models/shape_vae.h"
#include "sinter/engine.h"

namespace sinter::pipeline {

/// `progress` is told a non-decreasing fraction after each chunk of queries, and `ctx.poll` is
/// called between the parts of everything else, so that what either throws stops the decode soon.
mesh::Field sample_volume(Context& ctx,
                          const models::ShapeVae& vae,
                          const models::GeometryMemory& memory,
                          const GenerateOptions& options,
                          const mesh::SampleProgress& progress,
                          mesh::SampleStats& stats);

/// FlashVDM's sampler for a shape: each group is answered from the keys that matter to its sample.
/// The context is asked between the parts of a group whether to stop.
mesh::GroupSampler flashvdm_sampler(Context& ctx,
                                    const models::ShapeVae& vae,
                                    const models::GeometryMemory& memory,
                                    FlashVdmKeys keys);

/// How the groups of a stage choose: bricks by KeyRule::mean whatever `keys` says, as upstream.
models::KeyRule flashvdm_rule(FlashVdmKeys keys, mesh::GroupStage stage);

/// What the run's options mean to FlashVDM.
mesh::FlashVdmOptions flashvdm_options(const Context& ctx,
                                       const GenerateOptions& options,
                                       const mesh::SampleProgress& progress);

}  // namespace sinter::pipeline
