#pragma once
// How much device memory the stages of a run take: weights as they are bound, activations as the
// networks allocate them. The sibling of work_estimate.h.

#include "core/context.h"
#include "models/shape_model.h"
#include "pipeline/memory_plan.h"
#include "sampling/sampler.h"

namespace sinter::pipeline {

/// What a run's memory depends on.
struct RunShape {
  const models::ShapeModelConfig& config;
  const Switches& switches;
  int steps = 1;
  bool guided = true;
  std::int64_t pictures = 1;
  sampling::CacheConfig cache = {};
  sampling::Solver solver = sampling::Solver::euler;
  int octree = 384;
  Decode decode = Decode::hierarchical;
};

/// Weights and activations of 16 bits. Weights, networks' activations and the field are exact or a
/// few per cent too many; what depends on the surface is taken for one of three times the area of
/// the cube's faces. `overhead` is left to the caller.
MemoryNeeds memory_needs(const RunShape& run);

}  // namespace sinter::pipeline
