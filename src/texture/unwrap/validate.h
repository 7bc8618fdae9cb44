#pragma once
// Proof that an unwrapped mesh can be painted: looks at the result alone, shares no code with what
// made it.

#include <cstdint>

#include "mesh/triangle_mesh.h"
#include "texture/unwrap/unwrap.h"

namespace sinter::texture {

struct UnwrapCheck {
  /// Corners whose vertex is not a copy of the mesh's, or that do not exist.
  std::int64_t wrong_corners = 0;
  /// Vertices with a coordinate outside [0, 1] or not finite.
  std::int64_t out_of_range = 0;
  /// Mirrored faces, see kFlippedHeight.
  std::int64_t flipped_faces = 0;
  /// Points of a grid, four a texel, that two faces cover. Shared edges belong to one face.
  std::int64_t covered_twice = 0;
  /// Texels that two charts touch.
  std::int64_t shared_texels = 0;
  /// Texels from which a texel that another chart touches is at most `gutter` texels away, upwards
  /// or to the right, along rows, columns or both.
  std::int64_t crowded_texels = 0;

  bool valid() const {
    return wrong_corners == 0 && out_of_range == 0 && flipped_faces == 0 && covered_twice == 0 &&
           shared_texels == 0 && crowded_texels == 0;
  }
  bool operator==(const UnwrapCheck&) const = default;
};

/// A face touches a texel where it reaches at least 1/256 of a texel into it. Coordinates are
/// rounded to 1/512 of a texel for the test of coverage, the same for all faces at a vertex.
/// Raises invalid_argument where the sizes of the result's arrays do not fit the mesh.
UnwrapCheck check_unwrap(const mesh::TriangleMesh& mesh,
                         const UnwrapResult& result,
                         int texture_size,
                         int gutter);

}  // namespace sinter::texture
