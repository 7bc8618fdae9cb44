#pragma once
// What the mesh writers share.

#include <string>
#include <vector>

#include "io/mesh_file.h"

namespace sinter::io {

/// Refuses what no format holds or no reader takes back: a mesh without a face, an index out of
/// range.
void check_encodable(const mesh::TriangleMesh& mesh);

/// The metadata as lines of text for comment headers: "generator sinter 0.1.0", "seed 1234", ...
/// Line breaks inside values become blanks.
std::vector<std::string> metadata_lines(const MeshMetadata& metadata);

/// "sinter 0.1.0"
std::string generator(const MeshMetadata& metadata);
/// What one unit is: the decoder's cube, in words. Empty where the box is not known.
std::string unit_note(const MeshMetadata& metadata);

/// Outward unit normal of a counter-clockwise face; zero where it has no area.
mesh::Vec3 unit_normal(const mesh::TriangleMesh& mesh, const mesh::Face& face);

}  // namespace sinter::io
