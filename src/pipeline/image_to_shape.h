#pragma once
// From one picture to a mesh: the stages of Hunyuan3D shape generation, in order.
//
// Upstream: hy3dgen/shapegen/pipelines.py (Hunyuan3DDiTFlowMatchingPipeline). No mathematics here:
// each stage calls one room and hands its result to the next.

#include <string>

#include "core/context.h"
#include "pipeline/networks.h"
#include "sinter/engine.h"

namespace sinter::pipeline {

/// Raises ErrorCode::invalid_argument, naming the option, its range and the value, for anything out
/// of range.
void check_options(const GenerateOptions& options);

/// Reads the picture, makes the mesh. The options must have passed check_options(). `metrics` is
/// filled as the stages run and holds what was reached when an Error leaves. The mesh is closed and
/// manifold.
Mesh image_to_shape(Context& ctx,
                    Networks& networks,
                    const std::string& image_path,
                    const GenerateOptions& options,
                    const ProgressCallback& progress,
                    Metrics& metrics);

}  // namespace sinter::pipeline
