#include "texture/bake/given_uv.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "mesh/cleanup.h"
#include "texture/input_mesh.h"
#include "texture/unwrap/coverage.h"
#include "texture/unwrap/measure.h"

namespace sinter::texture {
namespace {

/// Coordinates this far outside are rounding of whatever wrote them; the sampler clamps them.
constexpr double kSlack = 1e-3;
/// Times that the boxes around all faces may cover the picture: bounds the work for hostile files.
constexpr double kMostLayers = 4096;

using Uv = std::array<float, 2>;

/// Of the box around a face, in pictures.
double box_area(const mesh::Face& face, std::span<const Uv> uv) {
  const auto side = [&](std::size_t axis) {
    const auto [low, high] = std::minmax({uv[face[0]][axis], uv[face[1]][axis], uv[face[2]][axis]});
    return static_cast<double>(high) - static_cast<double>(low);
  };
  return side(0) * side(1);
}

double area(const mesh::Face& face, std::span<const Uv> uv) {
  const auto edge = [&](std::size_t k, std::size_t axis) {
    return static_cast<double>(uv[face[k]][axis]) - static_cast<double>(uv[face[0]][axis]);
  };
  return std::abs(edge(1, 0) * edge(2, 1) - edge(1, 1) * edge(2, 0)) / 2;
}

bool in_range(float value) {
  return static_cast<double>(value) >= -kSlack && static_cast<double>(value) <= 1 + kSlack;
}

}  // namespace

void check_given_uv(const mesh::TriangleMesh& mesh, std::span<const Uv> uv) {
  SINTER_CHECK(uv.size() == mesh.positions.size(),
               ErrorCode::invalid_argument,
               "[bake] texture coordinates: expected one for each of ",
               mesh.positions.size(),
               " vertices, got ",
               uv.size());
  std::int64_t not_finite = 0, outside = 0;
  const Uv* first = nullptr;
  double layers = 0, covered = 0;
  for (const mesh::Face& face : mesh.faces) {
    for (const std::uint32_t v : face) {
      const Uv& p = uv[v];
      if (!std::isfinite(p[0]) || !std::isfinite(p[1])) {
        ++not_finite;
      } else if (!in_range(p[0]) || !in_range(p[1])) {
        if (outside++ == 0) first = &p;
      }
    }
    layers += box_area(face, uv);
    covered += area(face, uv);
  }
  SINTER_CHECK(not_finite == 0,
               ErrorCode::invalid_argument,
               "[bake] texture coordinates: expected finite ones, got ",
               not_finite,
               " corners of faces with one that is not");
  SINTER_CHECK(outside == 0,
               ErrorCode::invalid_argument,
               "[bake] texture coordinates: expected 0..1, got ",
               outside,
               " corners of faces outside, the first at (",
               (*first)[0],
               ", ",
               (*first)[1],
               "): repeated textures cannot be painted");
  SINTER_CHECK(covered > 0,
               ErrorCode::invalid_argument,
               "[bake] texture coordinates: expected faces with an area in the picture, got none");
  SINTER_CHECK(layers <= kMostLayers,
               ErrorCode::invalid_argument,
               "[bake] texture coordinates: expected faces that cover the picture at most ",
               kMostLayers,
               " times, got ",
               std::llround(layers),
               " times");
}

UnwrapReport measure_given_uv(const mesh::TriangleMesh& mesh,
                              std::span<const Uv> uv,
                              int texture_size) {
  constexpr int kCountedSize = 1024;  // texels are counted at this size at most
  const int size = std::min(texture_size, kCountedSize);
  const mesh::Components components = mesh::find_components(mesh);
  UnwrapResult atlas;
  atlas.source.resize(mesh.positions.size());
  std::iota(atlas.source.begin(), atlas.source.end(), 0u);
  atlas.faces = mesh.faces;
  atlas.uv.assign(uv.begin(), uv.end());
  for (const std::uint32_t chart : components.of_face) {
    atlas.chart.push_back(static_cast<std::int32_t>(chart));
  }
  const AtlasMeasure measure = measure_atlas(mesh, atlas, texture_size, texture_size, true);
  UnwrapReport report;
  const SurfaceEdges edges = count_edges(mesh);
  report.components = edges.components;
  report.open_edges = edges.open;
  report.stats.charts = static_cast<std::int64_t>(components.count());
  report.stats.atlas_use = measure.use;
  report.stats.stretch_l2 = measure.stretch_l2;
  report.stats.stretch_linf = measure.stretch_linf;
  report.stats.flipped_faces = measure.flipped_faces;

  Coverage coverage(size, 1, Coverage::Mirrored::counted);
  for (const mesh::Face& face : mesh.faces) {
    if (!(area(face, uv) > 0)) {
      ++report.stats.collapsed_faces;
      continue;
    }
    Coverage::Triangle triangle;
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t axis = 0; axis < 2; ++axis) {
        triangle[k][axis] = std::clamp(static_cast<double>(uv[face[k]][axis]), 0.0, 1.0) * size;
      }
    }
    coverage.add(triangle);
  }
  if (const std::int64_t shared = coverage.shared(); shared > 0) {
    report.repairs.push_back(cat("texture coordinates overlap: of ",
                                 size,
                                 " x ",
                                 size,
                                 " texels ",
                                 shared,
                                 " belong to several faces and show the first of them"));
  }
  if (report.stats.collapsed_faces > 0) {
    report.repairs.push_back(cat("texture coordinates give ",
                                 report.stats.collapsed_faces,
                                 " faces no area, which stay without a colour of their own"));
  }
  return report;
}

}  // namespace sinter::texture
