#pragma once
// Meshes for the tests of unwrapping, and results with faults planted in them.

#include <cmath>
#include <cstdint>
#include <numbers>

#include "mesh/triangle_mesh.h"
#include "texture/test_meshes.h"

namespace sinter::texture::test {

/// A sheet of columns x rows squares, wrapped round by `place(u, v)`, u and v in [0, 1]; joined to
/// itself along u, along v, or not.
template <class Place>
mesh::TriangleMesh sheet(
    std::uint32_t columns, std::uint32_t rows, bool closed_u, bool closed_v, Place&& place) {
  mesh::TriangleMesh mesh;
  const std::uint32_t across = columns + (closed_u ? 0 : 1), up = rows + (closed_v ? 0 : 1);
  for (std::uint32_t y = 0; y < up; ++y) {
    for (std::uint32_t x = 0; x < across; ++x) {
      mesh.positions.push_back(
          place(static_cast<double>(x) / columns, static_cast<double>(y) / rows));
    }
  }
  const auto at = [&](std::uint32_t x, std::uint32_t y) { return y % up * across + x % across; };
  for (std::uint32_t y = 0; y < rows; ++y) {
    for (std::uint32_t x = 0; x < columns; ++x) {
      mesh.faces.push_back({at(x, y), at(x + 1, y), at(x + 1, y + 1)});
      mesh.faces.push_back({at(x, y), at(x + 1, y + 1), at(x, y + 1)});
    }
  }
  return mesh;
}

inline mesh::Vec3 point(double x, double y, double z) {
  return {static_cast<float>(x), static_cast<float>(y), static_cast<float>(z)};
}

/// 3 x 1 in the plane z = 0.
inline mesh::TriangleMesh plane(std::uint32_t n) {
  return sheet(3 * n, n, false, false, [](double u, double v) { return point(3 * u, v, 0); });
}

inline mesh::TriangleMesh torus(std::uint32_t around, std::uint32_t across) {
  return sheet(around, across, true, true, [](double u, double v) {
    const double a = 2 * std::numbers::pi * u, b = 2 * std::numbers::pi * v;
    const double r = 1 + 0.4 * std::cos(b);
    return point(r * std::cos(a), r * std::sin(a), 0.4 * std::sin(b));
  });
}

/// The side of a cylinder, radius 1, open at both ends.
inline mesh::TriangleMesh tube(std::uint32_t around, double height) {
  return sheet(around, around / 4, true, false, [&](double u, double v) {
    const double a = 2 * std::numbers::pi * u;
    return point(std::cos(a), std::sin(a), height * v);
  });
}

/// Every coordinate moved by up to `amount`.
inline mesh::TriangleMesh shaken(mesh::TriangleMesh mesh, float amount, std::uint64_t seed) {
  Random random(seed);
  for (auto& position : mesh.positions) {
    for (float& value : position) value += random.range(-amount, amount);
  }
  return mesh;
}

/// Triangles between random points: nothing of a surface.
inline mesh::TriangleMesh soup(std::uint32_t vertices, std::uint32_t faces, std::uint64_t seed) {
  Random random(seed);
  mesh::TriangleMesh mesh;
  for (std::uint32_t v = 0; v < vertices; ++v) {
    mesh.positions.push_back({random.range(-1, 1), random.range(-1, 1), random.range(-1, 1)});
  }
  for (std::uint32_t f = 0; f < faces; ++f) {
    mesh.faces.push_back(
        {random.next() % vertices, random.next() % vertices, random.next() % vertices});
  }
  return mesh;
}

}  // namespace sinter::texture::test
