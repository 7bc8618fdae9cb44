#pragma once
// From pictures to a mesh: the stages of Hunyuan3D shape generation, in order.
//
// Upstream: hy3dgen/shapegen/pipelines.py (Hunyuan3DDiTFlowMatchingPipeline). No mathematics here:
// each stage calls one room and hands its result to the next.

#include <span>

#include "core/context.h"
#include "pipeline/networks.h"
#include "pipeline/shape_extractor.h"
#include "sampling/calibration.h"
#include "sinter/engine.h"

namespace sinter::pipeline {

/// Raises ErrorCode::invalid_argument, naming the option, its range and the value, for anything out
/// of range.
void check_options(const GenerateOptions& options);

/// Reads the pictures, makes the mesh. On an accelerator within `budget` bytes of its memory, as
/// plan_memory() plans it; 0 stands for what is free there, less a margin. The options must have
/// passed check_options(). `metrics` is filled as the stages run and holds what was reached when an
/// Error leaves. The mesh is closed and manifold. Raises the errors of checked_pictures() and
/// sampling_settings() before any work.
Mesh image_to_shape(Context& ctx,
                    Networks& networks,
                    ShapeExtractor& extractor,
                    std::span<const Picture> pictures,
                    const GenerateOptions& options,
                    std::uint64_t budget,
                    const ProgressCallback& progress,
                    Metrics& metrics);

/// The same up to the end of sampling, with every step computed whatever options.cache says: what
/// the steps were.
sampling::Trajectory record_trajectory(Context& ctx,
                                       Networks& networks,
                                       ShapeExtractor& extractor,
                                       std::span<const Picture> pictures,
                                       const GenerateOptions& options,
                                       std::uint64_t budget,
                                       const ProgressCallback& progress);

}  // namespace sinter::pipeline
