#include "texture/maps/view_mesh.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "mesh/parallel.h"
#include "mesh/vector_math.h"
#include "texture/input_mesh.h"
#include "texture/maps/view_camera.h"

namespace sinter::texture {
namespace {

using mesh::Vec3;
using mesh::operator*;

/// Two lanes of multiply and rotate over 64-bit words (after A. Appleby's MurmurHash3).
class Identity {
 public:
  void add(std::uint64_t word) {
    ++words_;
    for (std::size_t i = 0; i < 2; ++i) {
      lanes_[i] ^= std::rotl(word * kFactors[i], 31) * kFactors[1 - i];
      lanes_[i] = std::rotl(lanes_[i], 27) * 5 + 0x52dce729 + i;
    }
  }
  MeshIdentity finish() const {
    MeshIdentity result;
    for (std::size_t i = 0; i < 2; ++i) {
      std::uint64_t x = lanes_[i] ^ words_ ^ std::rotl(lanes_[1 - i], 17);
      x = (x ^ (x >> 33)) * 0xff51afd7ed558ccd;
      x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53;
      result[i] = x ^ (x >> 33);
    }
    return result;
  }

 private:
  static constexpr std::array<std::uint64_t, 2> kFactors = {0x87c37b91114253d5, 0x4cf5ad432745937f};
  std::array<std::uint64_t, 2> lanes_ = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9};
  std::uint64_t words_ = 0;
};

MeshIdentity identity_of(const ViewMesh& mesh) {
  Identity identity;
  identity.add(mesh.positions.size());
  identity.add(mesh.faces.size());
  const auto pair = [](std::uint32_t a, std::uint32_t b) { return std::uint64_t{a} << 32 | b; };
  for (const Vec3& p : mesh.positions) {
    identity.add(pair(std::bit_cast<std::uint32_t>(p[0]), std::bit_cast<std::uint32_t>(p[1])));
    identity.add(std::bit_cast<std::uint32_t>(p[2]));
  }
  for (const mesh::Face& f : mesh.faces) {
    identity.add(pair(f[0], f[1]));
    identity.add(f[2]);
  }
  return identity.finish();
}

}  // namespace

ViewMesh prepare_view_mesh(const mesh::TriangleMesh& mesh) {
  check_input_mesh("maps", mesh);
  return mesh::with_memory_errors("maps", [&] {
    ViewMesh result;
    result.faces = mesh.faces;
    result.positions.reserve(mesh.positions.size());
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    Vec3 low{kInfinity, kInfinity, kInfinity}, high{-kInfinity, -kInfinity, -kInfinity};
    for (const Vec3& p : mesh.positions) {
      result.positions.push_back(mirrored(p));
      for (std::size_t i = 0; i < 3; ++i) {
        low[i] = std::min(low[i], result.positions.back()[i]);
        high[i] = std::max(high[i], result.positions.back()[i]);
      }
    }
    for (std::size_t i = 0; i < 3; ++i) result.centre[i] = (high[i] + low[i]) / 2;
    float farthest = 0;
    for (Vec3& p : result.positions) {
      for (std::size_t i = 0; i < 3; ++i) p[i] -= result.centre[i];
      farthest = std::max(farthest, std::sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]));
    }
    SINTER_CHECK(farthest > 0 && std::isfinite(farthest),
                 ErrorCode::invalid_argument,
                 "[maps] mesh: expected an extent above 0 and below 1e19, got ",
                 farthest);
    result.scale = static_cast<float>(kInnerRadius / static_cast<double>(farthest));
    SINTER_CHECK(std::isfinite(result.scale),
                 ErrorCode::invalid_argument,
                 "[maps] mesh: too small to be scaled, its farthest vertex is ",
                 farthest,
                 " from the centre");
    for (Vec3& p : result.positions) {
      for (float& x : p) x *= result.scale;
    }
    result.identity = identity_of(result);
    return result;
  });
}

std::vector<Vec3> mean_normals(const std::vector<Vec3>& positions,
                               const std::vector<mesh::Face>& faces,
                               int threads) {
  constexpr std::int64_t kGrain = 8192;
  constexpr double kLeast = 1e-12;  // lengths below count as this
  std::vector<Vec3> face_normals(faces.size());
  mesh::parallel_blocks(
      threads,
      static_cast<std::int64_t>(faces.size()),
      kGrain,
      [&](std::int64_t begin, std::int64_t end) {
        for (auto f = static_cast<std::size_t>(begin); f < static_cast<std::size_t>(end); ++f) {
          const mesh::Face& face = faces[f];
          const mesh::Vec3d n =
              mesh::area_normal({positions[face[0]], positions[face[1]], positions[face[2]]});
          face_normals[f] = mesh::to_float(n * (1 / std::max(mesh::length(n), kLeast)));
        }
      });
  std::vector<mesh::Vec3d> sums(positions.size(), mesh::Vec3d{});
  for (std::size_t f = 0; f < faces.size(); ++f) {
    for (const std::uint32_t v : faces[f]) {
      for (std::size_t i = 0; i < 3; ++i) sums[v][i] += static_cast<double>(face_normals[f][i]);
    }
  }
  std::vector<Vec3> normals(positions.size());
  for (std::size_t v = 0; v < sums.size(); ++v) {
    const double length = mesh::length(sums[v]);
    normals[v] = length > kLeast ? mesh::to_float(sums[v] * (1 / length)) : Vec3{0, 0, 0};
  }
  return normals;
}

}  // namespace sinter::texture
