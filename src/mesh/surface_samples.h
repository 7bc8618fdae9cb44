#pragma once
// Points spread over a surface in proportion to area.

#include <cstdint>
#include <vector>

#include "mesh/triangle_mesh.h"
#include "mesh/vector_math.h"

namespace sinter::mesh {

struct SurfaceSample {
  Vec3d position;
  std::uint32_t face;
};

/// Stratified: sample n falls into the n-th of `count` equal shares of the area, in face order, at
/// a place that depends on (seed, n) alone. Raises ErrorCode::invalid_argument where the area is
/// not positive and finite.
std::vector<SurfaceSample> sample_surface(const TriangleMesh& mesh,
                                          std::int64_t count,
                                          std::uint64_t seed,
                                          int threads = 1);

}  // namespace sinter::mesh
