#pragma once
// Meshes with known properties.

#include <cmath>
#include <map>
#include <numbers>
#include <utility>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh::testing {

/// Corners at 0 and `size`, faces outwards.
inline TriangleMesh box_mesh(const Vec3& size, const Vec3& at = {0, 0, 0}) {
  TriangleMesh mesh;
  for (int c = 0; c < 8; ++c) {
    mesh.positions.push_back({at[0] + ((c & 4) != 0 ? size[0] : 0),
                              at[1] + ((c & 2) != 0 ? size[1] : 0),
                              at[2] + ((c & 1) != 0 ? size[2] : 0)});
  }
  mesh.faces = {{0, 1, 3},
                {0, 3, 2},
                {4, 6, 7},
                {4, 7, 5},
                {0, 4, 5},
                {0, 5, 1},
                {2, 3, 7},
                {2, 7, 6},
                {0, 2, 6},
                {0, 6, 4},
                {1, 5, 7},
                {1, 7, 3}};
  return mesh;
}

/// Octahedron with faces cut in four `levels` times, corners on the sphere.
inline TriangleMesh sphere_mesh(double radius, int levels, const Vec3& at = {0, 0, 0}) {
  TriangleMesh mesh;
  mesh.positions = {{1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}, {0, 0, -1}};
  mesh.faces = {
      {0, 2, 4}, {2, 1, 4}, {1, 3, 4}, {3, 0, 4}, {2, 0, 5}, {1, 2, 5}, {3, 1, 5}, {0, 3, 5}};
  for (int level = 0; level < levels; ++level) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> middles;
    const auto middle = [&](std::uint32_t a, std::uint32_t b) {
      const auto [found, added] =
          middles.try_emplace(std::minmax(a, b), static_cast<std::uint32_t>(mesh.positions.size()));
      if (added) {
        const Vec3 p = mesh.positions[a], q = mesh.positions[b];
        mesh.positions.push_back({p[0] + q[0], p[1] + q[1], p[2] + q[2]});
      }
      return found->second;
    };
    std::vector<Face> faces;
    for (const Face& f : mesh.faces) {
      const auto ab = middle(f[0], f[1]), bc = middle(f[1], f[2]), ca = middle(f[2], f[0]);
      faces.insert(faces.end(), {{f[0], ab, ca}, {ab, f[1], bc}, {ca, bc, f[2]}, {ab, bc, ca}});
    }
    mesh.faces = std::move(faces);
    for (Vec3& p : mesh.positions) {
      const double n = std::sqrt(static_cast<double>(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]));
      for (float& x : p) x = static_cast<float>(static_cast<double>(x) / n);
    }
  }
  for (Vec3& p : mesh.positions) {
    for (std::size_t x = 0; x < 3; ++x) {
      p[x] = static_cast<float>(static_cast<double>(p[x]) * radius + static_cast<double>(at[x]));
    }
  }
  return mesh;
}

/// Around the z axis, `n` by `m` quads cut in two.
inline TriangleMesh torus_mesh(double major, double minor, int n, int m) {
  TriangleMesh mesh;
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < m; ++j) {
      const double u = 2 * std::numbers::pi * i / n, v = 2 * std::numbers::pi * j / m;
      const double r = major + minor * std::cos(v);
      mesh.positions.push_back({static_cast<float>(r * std::cos(u)),
                                static_cast<float>(r * std::sin(u)),
                                static_cast<float>(minor * std::sin(v))});
    }
  }
  const auto at = [&](int i, int j) { return static_cast<std::uint32_t>((i % n) * m + j % m); };
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < m; ++j) {
      mesh.faces.push_back({at(i, j), at(i + 1, j), at(i + 1, j + 1)});
      mesh.faces.push_back({at(i, j), at(i + 1, j + 1), at(i, j + 1)});
    }
  }
  return mesh;
}

inline void append(TriangleMesh& mesh, const TriangleMesh& other) {
  const auto offset = static_cast<std::uint32_t>(mesh.positions.size());
  mesh.positions.insert(mesh.positions.end(), other.positions.begin(), other.positions.end());
  for (const Face& f : other.faces) {
    mesh.faces.push_back({f[0] + offset, f[1] + offset, f[2] + offset});
  }
}

}  // namespace sinter::mesh::testing
