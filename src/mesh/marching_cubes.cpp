// Lorensen and Cline, "Marching Cubes", SIGGRAPH 1987, with the faces decided by Nielson and
// Hamann, "The Asymptotic Decider", IEEE Visualization 1991; the table is in cube_table.cpp.
//
// Cells are handled in blocks of 8x8x8 that coincide with the field's bricks, plus one layer of
// blocks below the first for the cells between the outside and the border points. Three passes:
// count what each block yields, give each block its range of vertices and faces, write them.

#include "mesh/marching_cubes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "mesh/block_reader.h"
#include "mesh/cleanup.h"
#include "mesh/cube_table.h"
#include "mesh/parallel.h"

namespace sinter::mesh {
namespace {

constexpr int kBlock = kBlockCells;

/// Crossings on the 3 * 512 edges that start at a point of the block, as a bit set with ranks.
class EdgeSet {
 public:
  void insert(std::size_t edge) { words_[edge / 64] |= std::uint64_t{1} << (edge % 64); }
  bool contains(std::size_t edge) const { return ((words_[edge / 64] >> (edge % 64)) & 1) != 0; }
  /// After the last insert().
  std::uint32_t index_ranks() {
    std::uint32_t total = 0;
    for (std::size_t w = 0; w < words_.size(); ++w) {
      rank_[w] = static_cast<std::uint16_t>(total);
      total += static_cast<std::uint32_t>(std::popcount(words_[w]));
    }
    return total;
  }
  std::uint32_t rank(std::size_t edge) const {
    const std::uint64_t below = words_[edge / 64] & ((std::uint64_t{1} << (edge % 64)) - 1);
    return rank_[edge / 64] + static_cast<std::uint32_t>(std::popcount(below));
  }
  static std::size_t edge_at(int axis, int x, int y, int z) {
    return static_cast<std::size_t>(((axis * kBlock + x) * kBlock + y) * kBlock + z);
  }

 private:
  std::array<std::uint64_t, 3 * kBlock * kBlock * kBlock / 64> words_{};
  std::array<std::uint16_t, 3 * kBlock * kBlock * kBlock / 64> rank_{};
};

struct Block {
  GridIndex brick;  ///< -1 .. bricks - 1 along each axis
  EdgeSet edges;
  std::uint32_t edge_vertices = 0, center_vertices = 0, faces = 0;
  std::int64_t first_vertex = 0, first_face = 0;
};

/// One cell that the surface crosses.
struct Cell {
  std::array<float, kCubeCorners> value;
  const CubeEntry* entry;

  bool edge_known(int edge) const {
    const auto [a, b] = cube_edge_corners(edge);
    return !std::isnan(value[static_cast<std::size_t>(a)]) &&
           !std::isnan(value[static_cast<std::size_t>(b)]);
  }
  bool center_known(int center) const {
    for (const CubePolygon& polygon : entry->polygons) {
      if (polygon.center != center) continue;
      return std::all_of(
          polygon.edges.begin(), polygon.edges.end(), [&](int edge) { return edge_known(edge); });
    }
    return false;
  }
  bool triangle_known(const std::array<std::uint8_t, 3>& triangle) const {
    return std::all_of(triangle.begin(), triangle.end(), [&](int vertex) {
      return vertex < kCenterVertex ? edge_known(vertex) : center_known(vertex);
    });
  }
};

/// Faces where the saddle of the bilinear interpolant lies inside: the product of the inside
/// corners exceeds that of the outside ones. Both products are exact in float64, so the two cells
/// at a face always agree.
std::uint8_t joined_faces(const std::array<float, kCubeCorners>& value, std::uint8_t inside) {
  unsigned joined = 0;
  for (unsigned faces = cube_ambiguous_faces(inside); faces != 0; faces &= faces - 1) {
    const int face = std::countr_zero(faces);
    const auto q = cube_face_corners(face);
    const auto product = [&](std::size_t a, std::size_t b) {
      return static_cast<double>(value[static_cast<std::size_t>(q[a])]) *
             static_cast<double>(value[static_cast<std::size_t>(q[b])]);
    };
    const bool first_inside = ((inside >> q[0]) & 1) != 0;
    const double in = first_inside ? product(0, 2) : product(1, 3);
    const double out = first_inside ? product(1, 3) : product(0, 2);
    if (in > out) joined |= 1u << face;
  }
  return static_cast<std::uint8_t>(joined);
}

class Extraction {
 public:
  Extraction(const Field& field, const MarchingCubesOptions& options)
      : field_(field),
        options_(options),
        reader_(field.values(), options.level, options.close_at_border),
        place_(place_on_grid(field.grid(), options.coordinates)) {}

  TriangleMesh run() {
    check_level();
    count_all();
    TriangleMesh mesh;
    place_all(mesh);
    write_all(mesh);
    // A face dropped beside a NaN can leave a vertex without any.
    if (has_gaps_) remove_unreferenced(mesh);
    return mesh;
  }

 private:
  void check_level() const {
    ValueRange range = field_.range();
    // A range that brackets the level needs no second look; one that was not kept up does.
    const auto brackets = [&] { return range.min <= options_.level && range.max > options_.level; };
    const BrickTable& values = field_.values();
    for (std::int64_t n = 0; n < values.brick_count() && !brackets(); ++n) {
      const BrickTable::Brick* brick = values.brick(values.brick_position(n));
      if (brick == nullptr) continue;
      for (const float value : *brick) range.include(value);
    }
    check_level_is_crossed(range, options_.level);
  }

  /// Calls visit(cell, x, y, z) for each crossed cell of the block.
  template <class Visit>
  static void for_each_cell(const BlockValues& block, Visit&& visit) {
    for (int x = 0; x < kBlock; ++x) {
      for (int y = 0; y < kBlock; ++y) {
        for (int z = 0; z < kBlock; ++z) {
          Cell cell;
          unsigned inside = 0;
          for (int c = 0; c < kCubeCorners; ++c) {
            const float value = block.at(x + ((c >> 2) & 1), y + ((c >> 1) & 1), z + (c & 1));
            cell.value[static_cast<std::size_t>(c)] = value;
            if (value > 0) inside |= 1u << c;
          }
          if (inside == 0 || inside == 0xff) continue;
          const auto code = static_cast<std::uint8_t>(inside);
          cell.entry = &cube_entry(code, joined_faces(cell.value, code));
          visit(cell, x, y, z);
        }
      }
    }
  }

  static bool crossed(float a, float b) {
    return (a > 0) != (b > 0) && !std::isnan(a) && !std::isnan(b);
  }

  static void collect_edges(const BlockValues& block, EdgeSet& edges) {
    for (int x = 0; x < kBlock; ++x) {
      for (int y = 0; y < kBlock; ++y) {
        for (int z = 0; z < kBlock; ++z) {
          const float here = block.at(x, y, z);
          if (crossed(here, block.at(x + 1, y, z))) edges.insert(EdgeSet::edge_at(0, x, y, z));
          if (crossed(here, block.at(x, y + 1, z))) edges.insert(EdgeSet::edge_at(1, x, y, z));
          if (crossed(here, block.at(x, y, z + 1))) edges.insert(EdgeSet::edge_at(2, x, y, z));
        }
      }
    }
  }

  void count_all() {
    const std::int64_t side = field_.values().bricks() + 1;
    const std::int64_t count = side * side * side;
    std::vector<std::unique_ptr<Block>> found(static_cast<std::size_t>(count));
    std::atomic<bool> gaps{false};
    parallel_blocks(
        options_.threads,
        count,
        64,
        [&](std::int64_t begin, std::int64_t end) {
          BlockValues values;
          for (std::int64_t n = begin; n < end; ++n) {
            const GridIndex brick = {static_cast<int>(n / (side * side)) - 1,
                                     static_cast<int>(n / side % side) - 1,
                                     static_cast<int>(n % side) - 1};
            if (!reader_.read(brick, values) || !values.crossed) continue;
            auto block = std::make_unique<Block>();
            block->brick = brick;
            collect_edges(values, block->edges);
            block->edge_vertices = block->edges.index_ranks();
            for_each_cell(values, [&](const Cell& cell, int, int, int) {
              for (int c = 0; c < cell.entry->centers; ++c) {
                block->center_vertices += cell.center_known(kCenterVertex + c);
              }
              for (const auto& triangle : cell.entry->triangles) {
                const bool known = cell.triangle_known(triangle);
                block->faces += known;
                if (!known) gaps = true;
              }
            });
            if (block->edge_vertices > 0 || block->faces > 0)
              found[static_cast<std::size_t>(n)] = std::move(block);
          }
        },
        options_.poll);
    has_gaps_ = gaps;
    block_at_.assign(found.size(), nullptr);
    for (std::size_t n = 0; n < found.size(); ++n) {
      if (!found[n]) continue;
      block_at_[n] = found[n].get();
      blocks_.push_back(std::move(found[n]));
    }
  }

  void place_all(TriangleMesh& mesh) {
    std::int64_t vertices = 0, faces = 0;
    for (const auto& block : blocks_) {
      block->first_vertex = vertices;
      block->first_face = faces;
      vertices += block->edge_vertices + block->center_vertices;
      faces += block->faces;
    }
    SINTER_CHECK(vertices <= std::numeric_limits<std::uint32_t>::max(),
                 ErrorCode::unsupported,
                 "[marching_cubes] vertices: expected fewer than 2^32, got ",
                 vertices);
    mesh.positions.resize(static_cast<std::size_t>(vertices));
    mesh.faces.resize(static_cast<std::size_t>(faces));
  }

  void write_all(TriangleMesh& mesh) const {
    const auto count = static_cast<std::int64_t>(blocks_.size());
    parallel_blocks(
        options_.threads,
        count,
        16,
        [&](std::int64_t begin, std::int64_t end) {
          BlockValues values;
          for (std::int64_t n = begin; n < end; ++n) {
            const Block& block = *blocks_[static_cast<std::size_t>(n)];
            reader_.read(block.brick, values);
            write_edge_vertices(block, values, mesh);
            write_cells(block, values, mesh);
          }
        },
        options_.poll);
  }

  /// Grid position of the crossing on an edge, in cells.
  std::array<double, 3> crossing(
      const Block& block, const BlockValues& values, int axis, int x, int y, int z) const {
    const double here = values.at(x, y, z);
    const double there = values.at(x + (axis == 0), y + (axis == 1), z + (axis == 2));
    std::array<double, 3> position = {static_cast<double>(block.brick[0] * kBlock + x),
                                      static_cast<double>(block.brick[1] * kBlock + y),
                                      static_cast<double>(block.brick[2] * kBlock + z)};
    position[static_cast<std::size_t>(axis)] +=
        std::clamp(here / (here - there), place_.margin, 1 - place_.margin);
    return position;
  }

  Vec3 to_mesh_space(const std::array<double, 3>& position) const {
    Vec3 point;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      point[axis] =
          static_cast<float>(position[axis] * place_.scale[axis] + field_.grid().lower()[axis]);
    }
    return point;
  }

  void write_edge_vertices(const Block& block,
                           const BlockValues& values,
                           TriangleMesh& mesh) const {
    auto next = static_cast<std::size_t>(block.first_vertex);
    for (int axis = 0; axis < 3; ++axis) {
      for (int x = 0; x < kBlock; ++x) {
        for (int y = 0; y < kBlock; ++y) {
          for (int z = 0; z < kBlock; ++z) {
            if (!block.edges.contains(EdgeSet::edge_at(axis, x, y, z))) continue;
            mesh.positions[next++] = to_mesh_space(crossing(block, values, axis, x, y, z));
          }
        }
      }
    }
  }

  void write_cells(const Block& block, const BlockValues& values, TriangleMesh& mesh) const {
    auto next_center = static_cast<std::uint32_t>(block.first_vertex) + block.edge_vertices;
    auto next_face = static_cast<std::size_t>(block.first_face);
    for_each_cell(values, [&](const Cell& cell, int x, int y, int z) {
      std::array<std::uint32_t, kCubeEdges + 4> vertex{};
      for (const CubePolygon& polygon : cell.entry->polygons) {
        if (polygon.center < 0 || !cell.center_known(polygon.center)) continue;
        vertex[static_cast<std::size_t>(polygon.center)] = next_center;
        mesh.positions[next_center++] = center_of(polygon, block, values, x, y, z);
      }
      for (const auto& triangle : cell.entry->triangles) {
        if (!cell.triangle_known(triangle)) continue;
        Face& face = mesh.faces[next_face++];
        for (std::size_t i = 0; i < 3; ++i) {
          face[i] = triangle[i] >= kCenterVertex ? vertex[triangle[i]]
                                                 : edge_vertex(block, triangle[i], x, y, z);
        }
      }
    });
  }

  Vec3 center_of(const CubePolygon& polygon,
                 const Block& block,
                 const BlockValues& values,
                 int x,
                 int y,
                 int z) const {
    std::array<double, 3> sum = {0, 0, 0};
    for (const int edge : polygon.edges) {
      const int corner = cube_edge_corners(edge)[0];
      const auto p = crossing(block,
                              values,
                              edge / 4,
                              x + ((corner >> 2) & 1),
                              y + ((corner >> 1) & 1),
                              z + (corner & 1));
      for (std::size_t axis = 0; axis < 3; ++axis) sum[axis] += p[axis];
    }
    for (double& s : sum) s /= static_cast<double>(polygon.edges.size());
    return to_mesh_space(sum);
  }

  /// Index of the vertex on edge `edge` of cell (x, y, z), which may start in a later block.
  std::uint32_t edge_vertex(const Block& block, int edge, int x, int y, int z) const {
    const int corner = cube_edge_corners(edge)[0];
    const GridIndex point = {x + ((corner >> 2) & 1), y + ((corner >> 1) & 1), z + (corner & 1)};
    const Block* owner = &block;
    if (point[0] == kBlock || point[1] == kBlock || point[2] == kBlock) {
      const int side = field_.values().bricks() + 1;
      std::int64_t index = 0;
      for (std::size_t axis = 0; axis < 3; ++axis) {
        index = index * side + block.brick[axis] + 1 + point[axis] / kBlock;
      }
      owner = block_at_[static_cast<std::size_t>(index)];
    }
    return static_cast<std::uint32_t>(owner->first_vertex) +
           owner->edges.rank(
               EdgeSet::edge_at(edge / 4, point[0] % kBlock, point[1] % kBlock, point[2] % kBlock));
  }

  const Field& field_;
  const MarchingCubesOptions& options_;
  BlockReader reader_;
  GridPlacement place_;
  bool has_gaps_ = false;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<const Block*> block_at_;  // by position, null where nothing is crossed
};

}  // namespace

GridPlacement place_on_grid(const Grid& grid, CoordinateMode mode) {
  GridPlacement place{.scale = {}, .margin = 1.0 / 1024};
  const int divisor = grid.resolution() + (mode == CoordinateMode::upstream_parity ? 1 : 0);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    place.scale[axis] = (grid.upper()[axis] - grid.lower()[axis]) / divisor;
    const double largest = std::max(std::abs(grid.lower()[axis]), std::abs(grid.upper()[axis]));
    // Far from the origin fp32 is coarse: keep eight of its steps away from the grid points.
    place.margin = std::clamp(8 * 0x1p-23 * largest / place.scale[axis], place.margin, 0.25);
  }
  return place;
}

void check_level_is_crossed(const ValueRange& range, float level) {
  SINTER_CHECK(!range.empty(),
               ErrorCode::invalid_argument,
               "[marching_cubes] field: expected values, got none (nothing was evaluated)");
  SINTER_CHECK(range.min <= level && range.max > level,
               ErrorCode::invalid_argument,
               "[marching_cubes] the field never crosses the level ",
               level,
               ": its values lie in ",
               range.min,
               "..",
               range.max,
               ", so there is no surface");
}

TriangleMesh marching_cubes(const Field& field, const MarchingCubesOptions& options) {
  SINTER_CHECK(std::isfinite(options.level),
               ErrorCode::invalid_argument,
               "[marching_cubes] level: expected a finite number, got ",
               options.level);
  return with_memory_errors("marching_cubes", [&] { return Extraction(field, options).run(); });
}

}  // namespace sinter::mesh
