#include "mesh/face_count.h"

#include "core/error.h"
#include "mesh/refine.h"

namespace sinter::mesh {

SimplifyResult set_face_count(TriangleMesh& mesh, const SimplifyOptions& options) {
  const std::int64_t target = options.target_faces;
  SINTER_CHECK(target >= 4 && target <= kMostFaces,
               ErrorCode::invalid_argument,
               "[faces] number of faces: expected 4..",
               kMostFaces,
               ", got ",
               target);
  SimplifyResult result = simplify(mesh, options);
  if (!mesh.faces.empty()) result.faces = refine(mesh, target, options.poll);
  result.reached_target = result.faces <= target && result.faces >= target - 1;
  return result;
}

}  // namespace sinter::mesh
