#pragma once
// A mesh with as many faces as asked for.

#include "mesh/simplify.h"

namespace sinter::mesh {

/// Largest number of faces that can be asked for: what the readers of mesh files take back.
inline constexpr std::int64_t kMostFaces = std::int64_t{1} << 26;

/// Collapses edges where the mesh has more faces than `options.target_faces`, cuts edges where it
/// has fewer. The result has the target or one less, as a closed surface has an even number; where
/// it has more, topology or the rule against self-intersection stopped it, and where it has fewer,
/// its edges cannot be cut: then reached_target is false. Raises ErrorCode::invalid_argument for
/// targets outside 4..kMostFaces.
SimplifyResult set_face_count(TriangleMesh& mesh, const SimplifyOptions& options);

}  // namespace sinter::mesh
