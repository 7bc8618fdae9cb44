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
/// What one unit is, in words: a length, or the decoder's cube. Empty where neither is known.
std::string unit_note(const MeshMetadata& metadata);
/// "Y", "+Z", "-Y": the sign of `up` is left out where it is plus.
std::string up_name(const mesh::Axes& axes);
std::string forward_name(const mesh::Axes& axes);
/// A value of the provenance as text.
std::string text_of(const MetadataValue& value);
/// The text with what is not UTF-8 replaced by U+FFFD.
std::string valid_utf8(const std::string& text);

/// Outward unit normal of a counter-clockwise face; zero where it has no area.
mesh::Vec3 unit_normal(const mesh::TriangleMesh& mesh, const mesh::Face& face);
/// For each vertex the normals of the faces around it, each as long as twice its area, summed and
/// normalised; (0, 1, 0) where they cancel out.
std::vector<mesh::Vec3> smooth_normals(const mesh::TriangleMesh& mesh);

}  // namespace sinter::io
