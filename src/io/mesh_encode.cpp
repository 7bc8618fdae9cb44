#include "io/mesh_encode.h"

#include <cmath>

#include "core/error.h"

namespace sinter::io {
namespace {

std::string text_of(const MetadataValue& value) {
  return std::visit(
      [](const auto& held) -> std::string {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, bool>) {
          return held ? "true" : "false";
        } else {
          return cat(held);
        }
      },
      value);
}

}  // namespace

void check_encodable(const mesh::TriangleMesh& mesh) {
  SINTER_CHECK(!mesh.faces.empty(),
               ErrorCode::invalid_argument,
               "[mesh] nothing to write: the mesh has no face");
  // PLY's index is signed, STL's count of faces has 32 bits.
  constexpr std::size_t kMost = 0x7fffffff;
  SINTER_CHECK(mesh.positions.size() <= kMost && mesh.faces.size() <= kMost,
               ErrorCode::unsupported,
               "[mesh] too large to write: expected at most ",
               kMost,
               " vertices and faces");
  for (const mesh::Face& face : mesh.faces) {
    for (const std::uint32_t index : face) {
      SINTER_CHECK(index < mesh.positions.size(),
                   ErrorCode::invalid_argument,
                   "[mesh] a face refers to vertex ",
                   index,
                   "; expected less than ",
                   mesh.positions.size());
    }
  }
}

std::vector<std::string> metadata_lines(const MeshMetadata& metadata) {
  std::vector<std::string> lines{"generator " + generator(metadata), "up_axis Y"};
  if (metadata.box > 0) lines.push_back("unit " + unit_note(metadata));
  for (const auto& [key, value] : metadata.provenance) lines.push_back(key + " " + text_of(value));
  for (std::string& line : lines) {
    for (char& c : line) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
  }
  return lines;
}

std::string generator(const MeshMetadata& metadata) {
  return metadata.version.empty() ? "sinter" : "sinter " + metadata.version;
}

std::string unit_note(const MeshMetadata& metadata) {
  if (!(metadata.box > 0)) return {};
  return cat("no physical size; the decoded cube is [-", metadata.box, ", ", metadata.box, "]^3");
}

mesh::Vec3 unit_normal(const mesh::TriangleMesh& mesh, const mesh::Face& face) {
  const mesh::Vec3& a = mesh.positions[face[0]];
  const mesh::Vec3& b = mesh.positions[face[1]];
  const mesh::Vec3& c = mesh.positions[face[2]];
  double u[3], v[3];
  for (std::size_t i = 0; i < 3; ++i) {
    u[i] = static_cast<double>(b[i]) - a[i];
    v[i] = static_cast<double>(c[i]) - a[i];
  }
  const double n[3] = {
      u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
  const double length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
  if (!(length > 0) || !std::isfinite(length)) return {0, 0, 0};
  return {static_cast<float>(n[0] / length),
          static_cast<float>(n[1] / length),
          static_cast<float>(n[2] / length)};
}

}  // namespace sinter::io
