#include "texture/corner_normals.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>

#include "mesh/parallel.h"
#include "mesh/vector_math.h"

namespace sinter::texture {
namespace {

using mesh::Vec3;
using mesh::Vec3d;
using mesh::operator+;
using mesh::operator*;

/// Beyond this many faces around a vertex the pairwise comparison is left out: it would take
/// quadratic time, and no surface has such a vertex but the tip of a fan, which is smooth.
constexpr std::size_t kMaxCompared = 256;

/// Gives vertices at the same position the same number: that of the first of them.
std::vector<std::uint32_t> first_at_position(const std::vector<Vec3>& positions) {
  const auto key = [&](std::uint32_t i) {
    std::array<std::uint32_t, 3> bits;
    for (std::size_t c = 0; c < 3; ++c) {
      bits[c] = positions[i][c] == 0 ? 0u : std::bit_cast<std::uint32_t>(positions[i][c]);
    }
    return bits;
  };
  std::vector<std::uint32_t> order(positions.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const auto key_a = key(a);
    const auto key_b = key(b);
    return key_a != key_b ? key_a < key_b : a < b;
  });
  std::vector<std::uint32_t> first(positions.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool same = i > 0 && key(order[i]) == key(order[i - 1]);
    first[order[i]] = same ? first[order[i - 1]] : order[i];
  }
  return first;
}

/// Faces around each vertex: those of vertex v stand in list[begin[v] .. begin[v + 1]).
struct FacesAround {
  std::vector<std::uint32_t> begin;
  std::vector<std::uint32_t> list;

  FacesAround(const mesh::TriangleMesh& mesh, const std::vector<std::uint32_t>& vertex_of)
      : begin(mesh.positions.size() + 1, 0), list(mesh.faces.size() * 3) {
    for (const mesh::Face& face : mesh.faces) {
      for (const std::uint32_t v : face) ++begin[vertex_of[v] + 1];
    }
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    std::vector<std::uint32_t> next(begin.begin(), begin.end() - 1);
    for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
      for (const std::uint32_t v : mesh.faces[f])
        list[next[vertex_of[v]]++] = static_cast<std::uint32_t>(f);
    }
  }
};

/// A face's normal, and its area as the weight.
struct WeightedNormal {
  Vec3d unit{};
  double area = 0;
};

WeightedNormal face_normal(const mesh::TriangleMesh& mesh, const mesh::Face& face) {
  const Vec3d normal = mesh::area_normal(
      {mesh.positions[face[0]], mesh.positions[face[1]], mesh.positions[face[2]]});
  const double length = mesh::length(normal);
  if (!(length > 0) || !std::isfinite(length)) return {};
  return {normal * (1 / length), length};
}

}  // namespace

std::vector<std::array<Vec3, 3>> corner_normals(const mesh::TriangleMesh& mesh,
                                                double crease_angle,
                                                int threads) {
  return mesh::with_memory_errors("render", [&] {
    const std::vector<std::uint32_t> vertex_of = first_at_position(mesh.positions);
    const FacesAround around(mesh, vertex_of);
    const auto face_count = static_cast<std::int64_t>(mesh.faces.size());
    constexpr std::int64_t kGrain = 8192;
    std::vector<WeightedNormal> of_face(mesh.faces.size());
    mesh::parallel_blocks(threads, face_count, kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (auto f = static_cast<std::size_t>(begin); f < static_cast<std::size_t>(end); ++f) {
        of_face[f] = face_normal(mesh, mesh.faces[f]);
      }
    });
    const double least_cosine = std::cos(crease_angle * std::numbers::pi / 180);
    const auto corner = [&](std::size_t f, std::uint32_t v) {
      const std::uint32_t begin = around.begin[v];
      const std::uint32_t end = around.begin[v + 1];
      const bool compare = end - begin <= kMaxCompared && of_face[f].area > 0;
      Vec3d sum{};
      for (std::uint32_t i = begin; i < end; ++i) {
        const WeightedNormal& other = of_face[around.list[i]];
        if (!compare || mesh::dot(of_face[f].unit, other.unit) >= least_cosine) {
          sum = sum + other.unit * other.area;
        }
      }
      const double length = mesh::length(sum);
      return mesh::to_float(length > 0 ? sum * (1 / length) : of_face[f].unit);
    };
    std::vector<std::array<Vec3, 3>> normals(mesh.faces.size());
    mesh::parallel_blocks(threads, face_count, kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (auto f = static_cast<std::size_t>(begin); f < static_cast<std::size_t>(end); ++f) {
        for (std::size_t c = 0; c < 3; ++c) normals[f][c] = corner(f, vertex_of[mesh.faces[f][c]]);
      }
    });
    return normals;
  });
}

}  // namespace sinter::texture
