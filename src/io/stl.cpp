// STL, ASCII and binary: a list of triangles with a normal each. Normals are not read (the winding
// says the same) and corners with equal coordinates become one vertex. Source: M. Burns, Automated
// Fabrication, section 6.5 (3D Systems' StereoLithography Interface).

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "io/mesh_codecs.h"
#include "io/mesh_encode.h"
#include "io/text_scanner.h"

namespace sinter::io {
namespace {

constexpr std::size_t kHeader = 84;
constexpr std::size_t kTriangle = 50;

static_assert(std::endian::native == std::endian::little,
              "STL is read and written as it lies in memory");

/// Vertices from corners, in the order of their first use. -0 equals 0; NaN equals the same bits.
mesh::TriangleMesh weld(const std::vector<mesh::Vec3>& corners) {
  using Key = std::array<std::uint32_t, 3>;
  std::vector<Key> keys(corners.size());
  for (std::size_t i = 0; i < corners.size(); ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      keys[i][c] = corners[i][c] == 0 ? 0u : std::bit_cast<std::uint32_t>(corners[i][c]);
    }
  }
  // Sorted, not hashed: a file cannot be made that takes long.
  std::vector<std::uint32_t> order(corners.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return keys[a] != keys[b] ? keys[a] < keys[b] : a < b;
  });
  std::vector<std::uint32_t> first(corners.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool same = i > 0 && keys[order[i]] == keys[order[i - 1]];
    first[order[i]] = same ? first[order[i - 1]] : order[i];
  }
  mesh::TriangleMesh mesh;
  mesh.faces.resize(corners.size() / 3);
  std::vector<std::uint32_t> vertex(corners.size());
  for (std::size_t i = 0; i < corners.size(); ++i) {
    if (first[i] == i) {
      vertex[i] = static_cast<std::uint32_t>(mesh.positions.size());
      mesh.positions.push_back(corners[i]);
    }
    mesh.faces[i / 3][i % 3] = vertex[first[i]];
  }
  return mesh;
}

std::vector<mesh::Vec3> read_binary(const MeshSource& source, std::uint32_t count) {
  source.check_count(count, "faces");
  std::vector<mesh::Vec3> corners(std::size_t{count} * 3);
  for (std::size_t i = 0; i < count; ++i) {
    // Each record: normal, three corners, two bytes of attributes.
    const std::uint8_t* record = source.bytes.data() + kHeader + i * kTriangle;
    std::memcpy(&corners[3 * i], record + sizeof(mesh::Vec3), 3 * sizeof(mesh::Vec3));
  }
  return corners;
}

std::vector<mesh::Vec3> read_ascii(const MeshSource& source) {
  TextScanner words(source.text());
  words.line();  // "solid" and a name of any kind
  std::vector<mesh::Vec3> corners;
  bool ended = false;
  const auto check_facet = [&] {
    if (corners.size() % 3 != 0)
      source.refuse(ErrorCode::corrupt, "a facet has not three vertices");
  };
  // Facets are known by their "vertex" words alone; what stands between them adds nothing.
  for (std::string_view word = words.word(); !word.empty(); word = words.word()) {
    if (word == "endfacet") check_facet();
    ended = word == "endsolid" || (ended && word != "facet");
    if (word != "vertex") continue;
    mesh::Vec3& corner = corners.emplace_back();
    for (float& coordinate : corner) {
      double value = 0;
      const std::string_view number = words.word();
      if (number.empty()) source.refuse_early();
      if (!parse(number, value))
        source.refuse(ErrorCode::corrupt, "expected three numbers after vertex");
      coordinate = to_coordinate(value);
    }
    source.check_count(corners.size() / 3, "faces");
  }
  if (!ended) source.refuse_early();
  check_facet();
  return corners;
}

}  // namespace

mesh::TriangleMesh decode_stl(const MeshSource& source) {
  std::uint32_t count = 0;
  if (source.bytes.size() >= kHeader) std::memcpy(&count, source.bytes.data() + kHeader - 4, 4);
  const std::uint64_t expected = kHeader + kTriangle * std::uint64_t{count};
  // Many binary files start with "solid" too, so the length decides.
  if (source.bytes.size() == expected) return weld(read_binary(source, count));
  if (source.text().starts_with("solid")) return weld(read_ascii(source));
  if (source.bytes.size() < kHeader) source.refuse_early();
  source.refuse(ErrorCode::corrupt,
                "a binary STL file of ",
                count,
                " triangles has ",
                expected,
                " bytes, got ",
                source.bytes.size());
}

Bytes encode_stl(const mesh::TriangleMesh& mesh, const MeshMetadata& metadata) {
  check_encodable(mesh);
  Bytes bytes(kHeader + kTriangle * mesh.faces.size());
  // note: must not start with "solid"
  std::string title = "binary STL, +" + up_name(metadata.axes) + " up";
  if (metadata.metres_per_unit > 0) title += ", unit " + unit_note(metadata);
  std::copy_n(title.begin(), std::min(title.size(), kHeader - 4), bytes.begin());
  const auto count = static_cast<std::uint32_t>(mesh.faces.size());
  std::memcpy(bytes.data() + kHeader - 4, &count, 4);
  for (std::size_t i = 0; i < mesh.faces.size(); ++i) {
    const mesh::Face& face = mesh.faces[i];
    const mesh::Vec3 record[4] = {unit_normal(mesh, face),
                                  mesh.positions[face[0]],
                                  mesh.positions[face[1]],
                                  mesh.positions[face[2]]};
    std::memcpy(bytes.data() + kHeader + i * kTriangle, record, sizeof(record));
  }
  return bytes;
}

}  // namespace sinter::io
