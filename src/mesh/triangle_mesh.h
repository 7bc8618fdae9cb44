#pragma once
// An indexed triangle mesh. Mesh space: right-handed, +Y up, the object's front faces +Z (as glTF),
// and the decoder's cube is [-box, box]^3. Faces are counter-clockwise seen from outside.

#include <array>
#include <cstdint>
#include <vector>

namespace sinter::mesh {

using Vec3 = std::array<float, 3>;
using Face = std::array<std::uint32_t, 3>;

struct TriangleMesh {
  std::vector<Vec3> positions;
  std::vector<Face> faces;
};

}  // namespace sinter::mesh
