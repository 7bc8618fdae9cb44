#pragma once
// The readers behind read_mesh(), one file each. All take the whole file in memory and raise
// "[mesh] NAME: ..." themselves.

#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string_view>

#include "core/error.h"
#include "io/mesh_file.h"

namespace sinter::io {

/// What a reader is given: the file, its name for messages, the bounds, and the folder in which
/// glTF may look for its buffers (empty: nowhere).
struct MeshSource {
  std::span<const std::uint8_t> bytes;
  std::string_view name;
  MeshLimits limits;
  std::filesystem::path folder;

  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  template <class... Parts>
  [[noreturn]] void refuse(ErrorCode code, const Parts&... parts) const {
    fail(code, "[mesh] ", name, ": ", parts...);
  }
  [[noreturn]] void refuse_early() const { refuse(ErrorCode::corrupt, "the file ends too early"); }
  /// Refuses a number of vertices or faces beyond the limit.
  void check_count(std::uint64_t count, std::string_view what) const {
    if (count <= limits.max_elements) return;
    refuse(ErrorCode::unsupported, "more ", what, " than the limit of ", limits.max_elements);
  }
};

mesh::TriangleMesh decode_gltf(const MeshSource& source,
                               MeshFileInfo& info,
                               const LooksWanted& wanted);
mesh::TriangleMesh decode_obj(const MeshSource& source,
                              MeshFileInfo& info,
                              const LooksWanted& wanted);
mesh::TriangleMesh decode_ply(const MeshSource& source);
mesh::TriangleMesh decode_stl(const MeshSource& source);
mesh::TriangleMesh decode_threemf(const MeshSource& source, MeshFileInfo& info);
mesh::TriangleMesh decode_usdz(const MeshSource& source, MeshFileInfo& info);

/// Appends the triangles 0-1-2, 0-2-3, ... of a polygon with at least three corners.
inline void append_fan(std::span<const std::uint32_t> corners, std::vector<mesh::Face>& faces) {
  for (std::size_t i = 2; i < corners.size(); ++i) {
    faces.push_back({corners[0], corners[i - 1], corners[i]});
  }
}

/// Narrows a coordinate; what float cannot hold becomes infinite, which the mesh check reports.
inline float to_coordinate(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  if (value > kMax) return std::numeric_limits<float>::infinity();
  if (value < -kMax) return -std::numeric_limits<float>::infinity();
  return static_cast<float>(value);
}

}  // namespace sinter::io
