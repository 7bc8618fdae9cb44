#include "texture/test_meshes.h"

#include <cmath>
#include <numbers>
#include <utility>

namespace sinter::texture::test {

mesh::TriangleMesh ball(int rings) {
  const int around = 2 * rings;
  mesh::TriangleMesh mesh;
  for (int i = 1; i < rings; ++i) {
    const double polar = std::numbers::pi * i / rings;
    for (int j = 0; j < around; ++j) {
      const double angle = 2 * std::numbers::pi * j / around;
      mesh.positions.push_back({static_cast<float>(std::sin(polar) * std::sin(angle)),
                                static_cast<float>(std::cos(polar)),
                                static_cast<float>(std::sin(polar) * std::cos(angle))});
    }
  }
  const auto top = static_cast<std::uint32_t>(mesh.positions.size());
  mesh.positions.push_back({0, 1, 0});
  mesh.positions.push_back({0, -1, 0});
  const auto at = [&](int i, int j) {
    return static_cast<std::uint32_t>((i - 1) * around + j % around);
  };
  for (int j = 0; j < around; ++j) {
    mesh.faces.push_back({top, at(1, j), at(1, j + 1)});
    mesh.faces.push_back({top + 1, at(rings - 1, j + 1), at(rings - 1, j)});
    for (int i = 1; i + 1 < rings; ++i) {
      mesh.faces.push_back({at(i, j), at(i + 1, j), at(i + 1, j + 1)});
      mesh.faces.push_back({at(i, j), at(i + 1, j + 1), at(i, j + 1)});
    }
  }
  return mesh;
}

mesh::TriangleMesh box(const mesh::Vec3& half, const mesh::Vec3& centre) {
  mesh::TriangleMesh mesh;
  for (int i = 0; i < 8; ++i) {
    mesh.positions.push_back({centre[0] + (i & 1 ? half[0] : -half[0]),
                              centre[1] + (i & 2 ? half[1] : -half[1]),
                              centre[2] + (i & 4 ? half[2] : -half[2])});
  }
  static constexpr std::uint32_t kSides[6][4] = {
      {0, 2, 3, 1}, {4, 5, 7, 6}, {0, 1, 5, 4}, {2, 6, 7, 3}, {0, 4, 6, 2}, {1, 3, 7, 5}};
  for (const auto& [a, b, c, d] : kSides) {
    mesh.faces.push_back({a, b, c});
    mesh.faces.push_back({a, c, d});
  }
  return mesh;
}

mesh::TriangleMesh joined(mesh::TriangleMesh a, const mesh::TriangleMesh& b) {
  const auto first = static_cast<std::uint32_t>(a.positions.size());
  a.positions.insert(a.positions.end(), b.positions.begin(), b.positions.end());
  for (const auto& [i, j, k] : b.faces) a.faces.push_back({i + first, j + first, k + first});
  return a;
}

mesh::TriangleMesh inverted(mesh::TriangleMesh mesh) {
  for (mesh::Face& face : mesh.faces) std::swap(face[1], face[2]);
  return mesh;
}

mesh::TriangleMesh cut_apart(const mesh::TriangleMesh& mesh) {
  mesh::TriangleMesh apart;
  for (const mesh::Face& face : mesh.faces) {
    const auto first = static_cast<std::uint32_t>(apart.positions.size());
    for (const std::uint32_t v : face) apart.positions.push_back(mesh.positions[v]);
    apart.faces.push_back({first, first + 1, first + 2});
  }
  return apart;
}

}  // namespace sinter::texture::test
