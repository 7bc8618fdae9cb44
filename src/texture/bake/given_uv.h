#pragma once
// Texture coordinates that a mesh brings along: what is refused, and what there is to say of them.

#include <span>
#include <string>

#include "mesh/triangle_mesh.h"
#include "texture/unwrap/unwrap.h"

namespace sinter::texture {

/// By vertex, v upwards. Raises invalid_argument "[bake] texture coordinates: ..." where one that a
/// face uses is not finite or further than 0.001 outside of 0..1, where no face has an area in the
/// picture, or where faces cover it thousands of times over.
void check_given_uv(const mesh::TriangleMesh& mesh, std::span<const std::array<float, 2>> uv);

/// Measures coordinates that check_given_uv() took; charts are the pieces that hang together over
/// edges. Lines about faces that share texels and faces without area in the picture go to
/// `repairs`.
UnwrapReport measure_given_uv(const mesh::TriangleMesh& mesh,
                              std::span<const std::array<float, 2>> uv,
                              int texture_size);

}  // namespace sinter::texture
