#pragma once
// What the machine can do at most, measured where the networks run: the yardstick of a benchmark.

#include "core/context.h"
#include "sinter/engine.h"

namespace sinter::pipeline {

/// A large matrix product and a large copy, best of a few.
Ceilings measure_ceilings(Context& ctx);

}  // namespace sinter::pipeline
