// The passes of mesh/marching_cubes.cpp, on its blocks of 8x8x8 cells: what each block yields, then
// its range of vertices and faces, then the writing. The arithmetic is the same, operation by
// operation; this file must be compiled without contracting products and sums.

#include <algorithm>
#include <cmath>
#include <limits>

#include "cuda/status.h"
#include "mesh/block_reader.h"
#include "mesh/cuda/cleanup.h"
#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/marching_cubes.h"
#include "mesh/cuda/scan.h"
#include "mesh/cuda/scratch.h"
#include "mesh/cuda/value_range.h"

namespace sinter::mesh::cuda {
namespace {

constexpr const char* kName = "marching cubes";
constexpr int kSide = kBlockCells, kPoints = kBlockPoints;
constexpr int kTile = kPoints * kPoints * kPoints;
constexpr int kBlockEdges = 3 * kSide * kSide * kSide, kWords = kBlockEdges / 32;
constexpr int kCellsAThread = kSide * kSide * kSide / kThreads;

/// Crossings on the edges that start at a point of a block, in the order (axis, x, y, z).
struct EdgeSet {
  std::uint32_t word[kWords];
  std::uint16_t before[kWords];  ///< crossings in the words before

  __device__ bool contains(int edge) const { return ((word[edge / 32] >> (edge % 32)) & 1) != 0; }
  __device__ std::uint32_t rank(int edge) const {
    return before[edge / 32] + __popc(word[edge / 32] & ((1u << (edge % 32)) - 1));
  }
  __device__ std::uint32_t count() const { return before[kWords - 1] + __popc(word[kWords - 1]); }
};

/// Vertices in the low half, faces in the high half.
using Counts = std::uint64_t;

struct Found {
  std::uint32_t blocks;  ///< with vertices or faces
  std::uint32_t gaps;    ///< whether a face was left out beside a NaN
  Counts counts;         ///< of all blocks
};

struct Volume {
  const float* values;
  int points;
  int side;  ///< blocks along an axis
  float level, beyond;
  double scale[3], lower[3], margin;
  DeviceCubeTable table;

  // Working memory.
  EdgeSet* edges;         ///< by block, set where it is crossed
  Counts* first;          ///< by block and one more: its counts, later the sums before it
  std::uint32_t* blocks;  ///< numbers of those with vertices or faces, in any order
  Found* found;
};

/// Block n starts at point 8 * (this - 1) along each axis.
__device__ int3 block_position(const Volume& v, std::uint32_t n) {
  const auto side = static_cast<std::uint32_t>(v.side);
  return {static_cast<int>(n / (side * side)) - 1,
          static_cast<int>(n / side % side) - 1,
          static_cast<int>(n % side) - 1};
}

__device__ constexpr int tile_index(int x, int y, int z) {
  return (x * kPoints + y) * kPoints + z;
}

/// Value minus level of the block's points.
__device__ void read_tile(const Volume& v, const int3& block, float* tile) {
  for (int n = static_cast<int>(threadIdx.x); n < kTile; n += kThreads) {
    const int i = block.x * kSide + n / (kPoints * kPoints);
    const int j = block.y * kSide + n / kPoints % kPoints;
    const int k = block.z * kSide + n % kPoints;
    const bool on_grid = i >= 0 && j >= 0 && k >= 0 && i < v.points && j < v.points && k < v.points;
    tile[n] =
        on_grid ? v.values[(std::int64_t{i} * v.points + j) * v.points + k] - v.level : v.beyond;
  }
  __syncthreads();
}

// ---- cells ----

/// The numbering of cube_table.h.
__device__ constexpr int first_corner(int edge) {
  const int high = (edge >> 1) & 1, low = edge & 1;
  return edge / 4 == 0 ? high * 2 + low : edge / 4 == 1 ? high * 4 + low : high * 4 + low * 2;
}
__device__ constexpr int corner_bit(int axis) {
  return 4 >> axis;
}
/// The q-th corner of a face, around it.
__device__ constexpr int face_corner(int face, int q) {
  const int axis = face / 2, side = face % 2;
  const int u = corner_bit((axis + 1) % 3), v = corner_bit((axis + 2) % 3);
  const int base = side * corner_bit(axis);
  if (q == 0) return base;
  if (q == 2) return base + u + v;
  return (q == 1) == (side == 1) ? base + u : base + v;
}

struct Cell {
  int x, y, z;
  std::uint32_t inside, known;  ///< corners above the level, and not NaN
  DeviceCubeEntry entry;        ///< nothing where the cell is not crossed

  __device__ bool edge_known(int edge) const {
    const int corner = first_corner(edge);
    const std::uint32_t ends = (1u << corner) | (1u << (corner + corner_bit(edge / 4)));
    return (known & ends) == ends;
  }
  __device__ bool center_known(const DeviceCubeTable& table, int n) const {
    const DeviceCubeCenter& center = table.centers[entry.first_center + n];
    for (int e = 0; e < center.count; ++e) {
      if (!edge_known(center.edges[e])) return false;
    }
    return true;
  }
  __device__ bool triangle_known(const DeviceCubeTable& table, const std::uint8_t* corner) const {
    if (known == 0xff) return true;  // nearly always
    for (int n = 0; n < 3; ++n) {
      const int vertex = corner[n];
      if (vertex < kCenterVertex ? !edge_known(vertex)
                                 : !center_known(table, vertex - kCenterVertex)) {
        return false;
      }
    }
    return true;
  }
  __device__ const std::uint8_t* triangle(const DeviceCubeTable& table, int n) const {
    return table.triangles + 3 * (entry.first_triangle + n);
  }
};

/// Number n of the block's cells, in the order (x, y, z).
__device__ Cell classify(const Volume& v, const float* tile, int n) {
  Cell cell{n / (kSide * kSide), n / kSide % kSide, n % kSide, 0, 0, {}};
  float value[kCubeCorners];
#pragma unroll
  for (int c = 0; c < kCubeCorners; ++c) {
    value[c] = tile[tile_index(cell.x + (c >> 2), cell.y + ((c >> 1) & 1), cell.z + (c & 1))];
    cell.inside |= static_cast<std::uint32_t>(value[c] > 0) << c;
    cell.known |= static_cast<std::uint32_t>(!isnan(value[c])) << c;
  }
  if (cell.inside == 0 || cell.inside == 0xff) return cell;
  std::uint32_t number = v.table.first[cell.inside];
  const unsigned ambiguous = v.table.ambiguous[cell.inside];
  if (ambiguous != 0) {
    unsigned next = 1;
#pragma unroll
    for (int face = 0; face < kCubeFaces; ++face) {
      if (((ambiguous >> face) & 1) == 0) continue;
      // The products are exact in float64.
      const double even = static_cast<double>(value[face_corner(face, 0)]) *
                          static_cast<double>(value[face_corner(face, 2)]);
      const double odd = static_cast<double>(value[face_corner(face, 1)]) *
                         static_cast<double>(value[face_corner(face, 3)]);
      const bool even_inside = ((cell.inside >> face_corner(face, 0)) & 1) != 0;
      if (even_inside ? even > odd : odd > even) number += next;
      next <<= 1;
    }
  }
  cell.entry = v.table.entries[number];
  return cell;
}

/// Faces in the low half, extra vertices in the high half: a block has fewer than 2^16 of each.
__device__ std::uint32_t count_cell(const Volume& v, const Cell& cell) {
  if (cell.known == 0xff) return std::uint32_t{cell.entry.centers} << 16 | cell.entry.triangles;
  std::uint32_t faces = 0, centers = 0;
  for (int n = 0; n < cell.entry.centers; ++n) centers += cell.center_known(v.table, n);
  for (int n = 0; n < cell.entry.triangles; ++n) {
    faces += cell.triangle_known(v.table, cell.triangle(v.table, n));
  }
  return centers << 16 | faces;
}

// ---- counting ----

__device__ bool crossed(float a, float b) {
  return (a > 0) != (b > 0) && !isnan(a) && !isnan(b);
}

__device__ void collect_edges(const float* tile, EdgeSet& edges) {
  const int thread = static_cast<int>(threadIdx.x);
  for (int e = thread; e < kBlockEdges; e += kThreads) {
    const int axis = e / (kSide * kSide * kSide);
    const int x = e / (kSide * kSide) % kSide, y = e / kSide % kSide, z = e % kSide;
    const std::uint32_t word =
        __ballot_sync(0xffffffff,
                      crossed(tile[tile_index(x, y, z)],
                              tile[tile_index(x + (axis == 0), y + (axis == 1), z + (axis == 2))]));
    if (e % 32 == 0) edges.word[e / 32] = word;
  }
  __syncthreads();
  if (thread < kWords) {
    int before = 0;
    for (int w = 0; w < thread; ++w) before += __popc(edges.word[w]);
    edges.before[thread] = static_cast<std::uint16_t>(before);
  }
  __syncthreads();
}

__global__ void __launch_bounds__(kThreads) count_kernel(Volume v) {
  __shared__ float tile[kTile];
  __shared__ EdgeSet edges;
  __shared__ std::uint32_t counted;  // faces, extra vertices: as count_cell()
  const int thread = static_cast<int>(threadIdx.x);
  read_tile(v, block_position(v, blockIdx.x), tile);
  bool some = false, all = true;
  for (int n = thread; n < kTile; n += kThreads) {
    some = some || tile[n] > 0;
    all = all && tile[n] > 0;
  }
  const bool is_crossed = __syncthreads_or(some) != 0 && __syncthreads_and(all) == 0;
  if (!is_crossed) {
    if (thread == 0) v.first[blockIdx.x] = 0;
    return;
  }
  if (thread == 0) counted = 0;
  collect_edges(tile, edges);
  std::uint32_t count = 0;
  bool gaps = false;
  for (int n = 0; n < kCellsAThread; ++n) {
    const Cell cell = classify(v, tile, thread * kCellsAThread + n);
    const std::uint32_t more = count_cell(v, cell);
    gaps = gaps || (more & 0xffff) != cell.entry.triangles;
    count += more;
  }
  if (count != 0) atomicAdd(&counted, count);
  if (gaps) v.found->gaps = 1;
  __syncthreads();
  if (thread < kWords) {
    v.edges[blockIdx.x].word[thread] = edges.word[thread];
    v.edges[blockIdx.x].before[thread] = edges.before[thread];
  }
  if (thread == 0) {
    const Counts total = Counts{counted & 0xffff} << 32 | (edges.count() + (counted >> 16));
    v.first[blockIdx.x] = total;
    if (total != 0) v.blocks[atomicAdd(&v.found->blocks, 1u)] = blockIdx.x;
  }
}

// ---- writing ----

/// Grid position of the crossing on the edge that starts at a point of the tile, in cells.
__device__ void crossing(const Volume& v,
                         const int3& block,
                         const float* tile,
                         int axis,
                         int x,
                         int y,
                         int z,
                         double position[3]) {
  const double here = tile[tile_index(x, y, z)];
  const double there = tile[tile_index(x + (axis == 0), y + (axis == 1), z + (axis == 2))];
  const double along = here / (here - there), most = 1 - v.margin;
  const double kept = along < v.margin ? v.margin : most < along ? most : along;
  position[0] = block.x * kSide + x;
  position[1] = block.y * kSide + y;
  position[2] = block.z * kSide + z;
  if (axis == 0) position[0] += kept;
  if (axis == 1) position[1] += kept;
  if (axis == 2) position[2] += kept;
}

__device__ void write_position(const Volume& v,
                               const double position[3],
                               float* positions,
                               std::uint32_t vertex) {
#pragma unroll
  for (int axis = 0; axis < 3; ++axis) {
    positions[3 * std::int64_t{vertex} + axis] =
        static_cast<float>(position[axis] * v.scale[axis] + v.lower[axis]);
  }
}

__device__ void write_edge_vertices(const Volume& v,
                                    const int3& block,
                                    const float* tile,
                                    const EdgeSet& edges,
                                    std::uint32_t first,
                                    float* positions) {
  for (int e = static_cast<int>(threadIdx.x); e < kBlockEdges; e += kThreads) {
    if (!edges.contains(e)) continue;
    double position[3];
    crossing(v,
             block,
             tile,
             e / (kSide * kSide * kSide),
             e / (kSide * kSide) % kSide,
             e / kSide % kSide,
             e % kSide,
             position);
    write_position(v, position, positions, first + edges.rank(e));
  }
}

__device__ void write_center(const Volume& v,
                             const int3& block,
                             const float* tile,
                             const Cell& cell,
                             const DeviceCubeCenter& center,
                             float* positions,
                             std::uint32_t vertex) {
  double sum[3] = {0, 0, 0};
  for (int n = 0; n < center.count; ++n) {
    const int edge = center.edges[n], corner = first_corner(edge);
    double position[3];
    crossing(v,
             block,
             tile,
             edge / 4,
             cell.x + (corner >> 2),
             cell.y + ((corner >> 1) & 1),
             cell.z + (corner & 1),
             position);
#pragma unroll
    for (int axis = 0; axis < 3; ++axis) sum[axis] += position[axis];
  }
#pragma unroll
  for (int axis = 0; axis < 3; ++axis) sum[axis] /= center.count;
  write_position(v, sum, positions, vertex);
}

/// Index of the vertex on an edge of a cell, which may start in a later block.
__device__ std::uint32_t edge_vertex(
    const Volume& v, std::uint32_t block, const EdgeSet& edges, const Cell& cell, int edge) {
  const int corner = first_corner(edge);
  const int x = cell.x + (corner >> 2), y = cell.y + ((corner >> 1) & 1), z = cell.z + (corner & 1);
  const int number = ((edge / 4 * kSide + x % kSide) * kSide + y % kSide) * kSide + z % kSide;
  if (x < kSide && y < kSide && z < kSide) {
    return static_cast<std::uint32_t>(v.first[block]) + edges.rank(number);
  }
  const auto side = static_cast<std::uint32_t>(v.side);
  const std::uint32_t owner =
      block +
      (static_cast<std::uint32_t>(x / kSide) * side + static_cast<std::uint32_t>(y / kSide)) *
          side +
      static_cast<std::uint32_t>(z / kSide);
  return static_cast<std::uint32_t>(v.first[owner]) + v.edges[owner].rank(number);
}

/// Sum of the values of the threads before this one. `warp_sums`: one for each warp.
__device__ std::uint32_t sum_before(std::uint32_t value, std::uint32_t* warp_sums) {
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  std::uint32_t sum = value;
#pragma unroll
  for (int step = 1; step < 32; step *= 2) {
    const std::uint32_t lower = __shfl_up_sync(0xffffffff, sum, step);
    if (lane >= step) sum += lower;
  }
  if (lane == 31) warp_sums[warp] = sum;
  __syncthreads();
  std::uint32_t before = sum - value;
  for (int w = 0; w < warp; ++w) before += warp_sums[w];
  return before;
}

__device__ void write_cell(const Volume& v,
                           std::uint32_t block,
                           const EdgeSet& edges,
                           const float* tile,
                           const Cell& cell,
                           std::uint32_t next_center,
                           std::uint32_t next_face,
                           float* positions,
                           std::uint32_t* faces) {
  std::uint32_t center_vertex[4] = {};
  const int3 position = block_position(v, block);
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    if (n >= cell.entry.centers || !cell.center_known(v.table, n)) continue;
    center_vertex[n] = next_center;
    const DeviceCubeCenter& center = v.table.centers[cell.entry.first_center + n];
    write_center(v, position, tile, cell, center, positions, next_center++);
  }
  for (int n = 0; n < cell.entry.triangles; ++n) {
    const std::uint8_t* triangle = cell.triangle(v.table, n);
    if (!cell.triangle_known(v.table, triangle)) continue;
    std::uint32_t* face = faces + 3 * std::int64_t{next_face++};
#pragma unroll
    for (int i = 0; i < 3; ++i) {
      const int vertex = triangle[i];
      if (vertex < kCenterVertex) {
        face[i] = edge_vertex(v, block, edges, cell, vertex);
      } else {
        face[i] = center_vertex[0];
#pragma unroll
        for (int c = 1; c < 4; ++c) {
          if (vertex == kCenterVertex + c) face[i] = center_vertex[c];
        }
      }
    }
  }
}

__global__ void __launch_bounds__(kThreads)
    write_kernel(Volume v, float* positions, std::uint32_t* faces) {
  __shared__ float tile[kTile];
  __shared__ EdgeSet edges;
  __shared__ std::uint32_t warp_sums[kThreads / 32];
  const int thread = static_cast<int>(threadIdx.x);
  const std::uint32_t block = v.blocks[blockIdx.x];
  if (thread < kWords) {
    edges.word[thread] = v.edges[block].word[thread];
    edges.before[thread] = v.edges[block].before[thread];
  }
  read_tile(v, block_position(v, block), tile);
  const auto first_vertex = static_cast<std::uint32_t>(v.first[block]);
  write_edge_vertices(v, block_position(v, block), tile, edges, first_vertex, positions);
  Cell cell[kCellsAThread];
  std::uint32_t count[kCellsAThread], total = 0;
#pragma unroll
  for (int n = 0; n < kCellsAThread; ++n) {
    cell[n] = classify(v, tile, thread * kCellsAThread + n);
    count[n] = count_cell(v, cell[n]);
    total += count[n];
  }
  std::uint32_t before = sum_before(total, warp_sums);
#pragma unroll
  for (int n = 0; n < kCellsAThread; ++n) {
    write_cell(v,
               block,
               edges,
               tile,
               cell[n],
               first_vertex + edges.count() + (before >> 16),
               static_cast<std::uint32_t>(v.first[block] >> 32) + (before & 0xffff),
               positions,
               faces);
    before += count[n];
  }
}

// ---- host ----

void check_level(const DeviceField& field, float level, Arena& arena, cudaStream_t stream) {
  ValueRange range = field.range();
  // A range that brackets the level needs no second look; one that was not kept up does.
  const auto brackets = [&] { return range.min <= level && range.max > level; };
  if (!brackets()) {
    const ArenaScope scope(arena);
    DeviceRange* found = make_range(arena, stream);
    take_values(field.values(), nullptr, field.grid().point_count(), nullptr, found, stream);
    const ValueRange values = read_back(found, kName, stream).values();
    if (!values.empty()) {
      range.include(values.min);
      range.include(values.max);
    }
  }
  check_level_is_crossed(range, level);
}

Volume volume_of(const DeviceField& field, const MarchingCubesOptions& options) {
  const Grid& grid = field.grid();
  Volume v{};
  v.values = field.values();
  v.points = grid.points();
  v.side = (grid.points() + kSide - 1) / kSide + 1;
  v.level = options.level;
  v.beyond = options.close_at_border ? std::numeric_limits<float>::lowest()
                                     : std::numeric_limits<float>::quiet_NaN();
  const GridPlacement place = place_on_grid(grid, options.coordinates);
  std::copy(place.scale.begin(), place.scale.end(), v.scale);
  std::copy(grid.lower().begin(), grid.lower().end(), v.lower);
  v.margin = place.margin;
  return v;
}

}  // namespace

DeviceMesh MarchingCubes::run(const DeviceField& field,
                              const MarchingCubesOptions& options,
                              Arena& arena,
                              cudaStream_t stream) const {
  SINTER_CHECK(std::isfinite(options.level),
               ErrorCode::invalid_argument,
               "[marching_cubes] level: expected a finite number, got ",
               options.level);
  const ArenaScope scope(arena);
  check_level(field, options.level, arena, stream);
  Volume v = volume_of(field, options);
  v.table = table_.table();
  const std::int64_t blocks = std::int64_t{v.side} * v.side * v.side;
  v.edges = take<EdgeSet>(arena, blocks);
  v.first = take<Counts>(arena, blocks + 1);
  v.blocks = take<std::uint32_t>(arena, blocks);
  v.found = take<Found>(arena, 1);
  set_bytes(v.found, 0, 1, kName, stream);
  set_bytes(v.first + blocks, 0, 1, kName, stream);
  count_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(v);
  sinter::cuda::check_launch(kName);
  exclusive_sum(v.first, blocks + 1, arena, stream);
  sinter::cuda::check(
      cudaMemcpyAsync(
          &v.found->counts, v.first + blocks, sizeof(Counts), cudaMemcpyDeviceToDevice, stream),
      kName);
  const Found found = read_back(v.found, kName, stream);
  // The largest grid has fewer than 2^32 edges, and cells with fewer than 2^32 faces.
  DeviceMesh mesh(static_cast<std::int64_t>(found.counts & 0xffffffff),
                  static_cast<std::int64_t>(found.counts >> 32),
                  arena.allocator());
  if (found.blocks > 0) {
    write_kernel<<<found.blocks, kThreads, 0, stream>>>(v, mesh.positions(), mesh.indices());
    sinter::cuda::check_launch(kName);
  }
  // A face dropped beside a NaN can leave a vertex without any.
  if (found.gaps != 0) remove_unreferenced(mesh, arena, stream);
  return mesh;
}

}  // namespace sinter::mesh::cuda
