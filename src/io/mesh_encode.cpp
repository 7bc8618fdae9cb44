#include "io/mesh_encode.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace sinter::io {
namespace {

std::string axis_name(mesh::Axis axis) {
  switch (axis) {
    case mesh::Axis::x:
      return "+X";
    case mesh::Axis::y:
      return "+Y";
    case mesh::Axis::z:
      return "+Z";
    case mesh::Axis::minus_x:
      return "-X";
    case mesh::Axis::minus_y:
      return "-Y";
    case mesh::Axis::minus_z:
      return "-Z";
  }
  return "?";
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
  std::vector<std::string> lines{"generator " + generator(metadata),
                                 "up_axis " + up_name(metadata.axes)};
  if (metadata.axes != mesh::Axes{}) lines.push_back("front_axis " + forward_name(metadata.axes));
  if (const std::string unit = unit_note(metadata); !unit.empty()) lines.push_back("unit " + unit);
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

std::string valid_utf8(const std::string& text) {
  using nlohmann::json;
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace))
      .get<std::string>();
}

std::string up_name(const mesh::Axes& axes) {
  const std::string name = axis_name(axes.up);
  return name[0] == '+' ? name.substr(1) : name;
}

std::string forward_name(const mesh::Axes& axes) {
  return axis_name(axes.forward);
}

std::string unit_note(const MeshMetadata& metadata) {
  if (metadata.metres_per_unit == 1) return "metre";
  if (metadata.metres_per_unit == 1e-3) return "millimetre";
  if (metadata.metres_per_unit > 0) return cat(metadata.metres_per_unit, " m");
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

std::vector<mesh::Vec3> smooth_normals(const mesh::TriangleMesh& mesh) {
  std::vector<std::array<double, 3>> sums(mesh.positions.size(), {0, 0, 0});
  for (const mesh::Face& face : mesh.faces) {
    double u[3], v[3];
    for (std::size_t c = 0; c < 3; ++c) {
      u[c] = static_cast<double>(mesh.positions[face[1]][c]) - mesh.positions[face[0]][c];
      v[c] = static_cast<double>(mesh.positions[face[2]][c]) - mesh.positions[face[0]][c];
    }
    for (const std::uint32_t vertex : face) {
      for (std::size_t c = 0; c < 3; ++c) {
        sums[vertex][c] += u[(c + 1) % 3] * v[(c + 2) % 3] - u[(c + 2) % 3] * v[(c + 1) % 3];
      }
    }
  }
  std::vector<mesh::Vec3> normals(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const auto& [x, y, z] = sums[i];
    const double length = std::sqrt(x * x + y * y + z * z);
    // Formats want unit vectors even where faces cancel out.
    normals[i] = length > 0 ? mesh::Vec3{static_cast<float>(x / length),
                                         static_cast<float>(y / length),
                                         static_cast<float>(z / length)}
                            : mesh::Vec3{0, 1, 0};
  }
  return normals;
}

}  // namespace sinter::io
