#include "texture/maps/maps.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "mesh/parallel.h"
#include "texture/maps/map_levels.h"

namespace sinter::texture {
namespace {

constexpr int kRowGrain = 16;

/// Four fp32 values that are worked on at once.
using Lanes = float __attribute__((vector_size(16)));

/// level() of the first three.
void write_levels(const Lanes& values, std::uint8_t* pixel) {
  const Lanes scaled = 255.0f * values;
  const Lanes low = scaled > 0 ? scaled : Lanes{};
  const Lanes bounded = low < 255.0f ? low : Lanes{} + 255.0f;
  const auto levels =
      __builtin_convertvector(bounded, std::int32_t __attribute__((vector_size(16))));
  for (int i = 0; i < 3; ++i) pixel[i] = static_cast<std::uint8_t>(levels[i]);
}

/// Of the covered pixels of some rows, camera space.
struct DepthRange {
  float nearest = -std::numeric_limits<float>::infinity();
  float farthest = std::numeric_limits<float>::infinity();
  std::int64_t covered = 0;

  void add(float z) {
    nearest = std::max(nearest, z);
    farthest = std::min(farthest, z);
    ++covered;
  }
  void add(const DepthRange& other) {
    nearest = std::max(nearest, other.nearest);
    farthest = std::min(farthest, other.farthest);
    covered += other.covered;
  }
};

/// By vertex: what its pixels interpolate.
struct VertexValues {
  std::vector<Lanes> normal;    ///< and nothing
  std::vector<Lanes> position;  ///< and depth, camera space
};

VertexValues values_of(const ViewMesh& mesh,
                       const std::vector<mesh::Vec3>& normals,
                       const ViewCamera& camera) {
  const CameraMatrices matrices = camera_matrices(camera);
  VertexValues values;
  values.normal.reserve(normals.size());
  values.position.reserve(normals.size());
  for (std::size_t v = 0; v < normals.size(); ++v) {
    const mesh::Vec3 &n = normals[v], &p = mesh.positions[v];
    values.normal.push_back(Lanes{n[0], n[1], n[2], 0});
    values.position.push_back(Lanes{p[0], p[1], p[2], matrices.to_camera(p)[2]});
  }
  return values;
}

Lanes blend(const std::vector<Lanes>& values,
            const mesh::Face& face,
            const std::array<float, 3>& weights) {
  return weights[0] * values[face[0]] + weights[1] * values[face[1]] + weights[2] * values[face[2]];
}

}  // namespace

ViewMaps make_maps(const ViewMesh& mesh,
                   const std::vector<mesh::Vec3>& normals,
                   const ViewCamera& camera,
                   const FaceRaster& raster,
                   int threads) {
  SINTER_CHECK(
      raster.points.size() == mesh.positions.size() && normals.size() == mesh.positions.size(),
      ErrorCode::invalid_argument,
      "[maps] raster: expected one of a mesh with ",
      mesh.positions.size(),
      " vertices, got ",
      raster.points.size());
  return mesh::with_memory_errors("maps", [&] {
    const int width = raster.width, height = raster.height;
    ViewMaps maps;
    maps.normal = Image(width, height, 3);
    maps.position = Image(width, height, 3);
    maps.depth = Image(width, height, 1);
    maps.mask = Image(width, height, 1);
    const VertexValues values = values_of(mesh, normals, camera);
    std::vector<float> depth(raster.face.size());
    const auto grains = static_cast<std::size_t>((height + kRowGrain - 1) / kRowGrain);
    std::vector<DepthRange> ranges(grains);
    const auto each_grain = [&](auto&& body) {
      mesh::parallel_blocks(threads, height, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
        body(static_cast<int>(begin), static_cast<int>(end));
      });
    };
    each_grain([&](int begin, int end) {
      const auto rows = static_cast<std::size_t>(end - begin) * static_cast<std::size_t>(width);
      std::fill_n(maps.normal.at(0, begin), rows * 3, std::uint8_t{255});
      std::fill_n(maps.position.at(0, begin), rows * 3, std::uint8_t{255});
      DepthRange range;
      for_each_covered(
          raster,
          mesh.faces,
          begin,
          end,
          [&](int x, int y, const mesh::Face& face, const std::array<float, 3>& weights) {
            const Lanes n = blend(values.normal, face, weights);
            const Lanes p = blend(values.position, face, weights);
            write_levels((n + 1.0f) * 0.5f, maps.normal.at(x, y));
            write_levels(0.5f - p / 1.15f, maps.position.at(x, y));
            *maps.mask.at(x, y) = 255;
            const float z = p[3];
            depth[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                  static_cast<std::size_t>(x)] = z;
            range.add(z);
          });
      ranges[static_cast<std::size_t>(begin / kRowGrain)] = range;
    });
    DepthRange all;
    for (const DepthRange& range : ranges) all.add(range);
    maps.covered_pixels = all.covered;
    if (all.covered == 0) return maps;
    maps.nearest = -static_cast<double>(all.nearest);
    maps.farthest = -static_cast<double>(all.farthest);
    const float extent = all.nearest - all.farthest;
    each_grain([&](int begin, int end) {
      const auto first = static_cast<std::size_t>(begin) * static_cast<std::size_t>(width);
      const auto last = static_cast<std::size_t>(end) * static_cast<std::size_t>(width);
      for (std::size_t i = first; i < last; ++i) {
        if (raster.face[i] == 0) continue;
        // A plane that faces the camera is nearest everywhere; its depths differ by roundings.
        maps.depth.pixels[i] = extent > kFlat ? level((depth[i] - all.farthest) / extent) : 255;
      }
    });
    return maps;
  });
}

}  // namespace sinter::texture
