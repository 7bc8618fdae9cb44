#pragma once
// Meshes with known shapes.

#include <cstdint>

#include "mesh/triangle_mesh.h"

namespace sinter::texture::test {

/// Unit ball around the origin, outward faces; `rings` from pole to pole, twice as many around.
mesh::TriangleMesh ball(int rings);
/// Box with half sides and centre; eight vertices.
mesh::TriangleMesh box(const mesh::Vec3& half, const mesh::Vec3& centre);
/// Both in one.
mesh::TriangleMesh joined(mesh::TriangleMesh a, const mesh::TriangleMesh& b);
/// Faces turned round.
mesh::TriangleMesh inverted(mesh::TriangleMesh mesh);
/// Every face with vertices of its own.
mesh::TriangleMesh cut_apart(const mesh::TriangleMesh& mesh);

/// Deterministic numbers without the differences between standard libraries' distributions.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint32_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::uint32_t>(state_ >> 33);
  }
  /// In [low, high).
  float range(float low, float high) {
    return low + (high - low) * (static_cast<float>(next()) / 2147483648.0f);
  }

 private:
  std::uint64_t state_;
};

}  // namespace sinter::texture::test
