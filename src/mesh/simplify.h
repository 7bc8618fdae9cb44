#pragma once
// Decimation to a number of faces that keeps a sound mesh sound.

#include <cstdint>
#include <functional>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

struct SimplifyOptions {
  std::int64_t target_faces = 40000;  ///< at least 4
  /// Called now and then with the fraction done in [0, 1]. To cancel, throw.
  std::function<void(double fraction)> progress = {};
  /// Called between the parts of everything else, on the calling thread. To cancel, throw.
  std::function<void()> poll = {};
};

struct SimplifyResult {
  std::int64_t faces = 0;
  /// False where topology, or the rule against self-intersection, stopped it above the target.
  bool reached_target = false;
};

/// Collapses edges until at most `target_faces` faces are left. A mesh with fewer faces is returned
/// as it is. Closed manifold input gives closed manifold output of the same genus and number of
/// components; boundary vertices of open input stay where they are.
SimplifyResult simplify(TriangleMesh& mesh, const SimplifyOptions& options);

}  // namespace sinter::mesh
