// Lorensen and Cline, "Marching Cubes: A High Resolution 3D Surface Construction Algorithm",
// SIGGRAPH 1987; Nielson and Hamann, "The Asymptotic Decider: Resolving the Ambiguity in Marching
// Cubes", IEEE Visualization 1991; Chernyaev, "Marching Cubes 33", CERN CN/95-17, 1995.
//
// A face of the cell fixes, from its four corners alone, how the crossings on its edges are joined
// by segments; two cells that share a face therefore agree. Following the segments around the cell
// gives closed polygons in which each crossed edge occurs exactly once. Each polygon becomes one
// disc. A diagonal of a polygon whose two ends lie on one face of the cell would lie in that face,
// where the neighbour might draw it too: such diagonals are not used, which makes every edge of the
// result belong to exactly two triangles. A polygon that cannot be cut up without them gets a
// vertex in its middle.

#include "mesh/cube_table.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sinter::mesh {
namespace {

using Point = std::array<double, 3>;

bool is_inside(std::uint8_t inside, int corner) {
  return ((inside >> corner) & 1) != 0;
}

int edge_between(int a, int b) {
  const int low = std::min(a, b);
  const int difference = a ^ b;
  const int x = (low >> 2) & 1, y = (low >> 1) & 1, z = low & 1;
  if (difference == 4) return y * 2 + z;
  if (difference == 2) return 4 + x * 2 + z;
  return 8 + x * 2 + y;
}

/// next[e]: the crossing that follows crossing e on its polygon, or -1 for an uncrossed edge.
std::array<int, kCubeEdges> link_crossings(std::uint8_t inside, std::uint8_t joined) {
  std::array<int, kCubeEdges> next;
  next.fill(-1);
  for (int face = 0; face < kCubeFaces; ++face) {
    const auto corners = cube_face_corners(face);
    const bool join = ((joined >> face) & 1) != 0;
    for (std::size_t q = 0; q < 4; ++q) {
      // A segment ends where walking around the face leaves the inside ...
      if (!is_inside(inside, corners[q]) || is_inside(inside, corners[(q + 1) % 4])) continue;
      const int end = edge_between(corners[q], corners[(q + 1) % 4]);
      // ... and starts where the walk comes in: ahead, cutting off the outside corners, to join the
      // inside ones; or behind, cutting off this inside run.
      for (std::size_t step = 1; step < 4; ++step) {
        const std::size_t from = join ? (q + step) % 4 : (q + 4 - step) % 4;
        const std::size_t to = (from + 1) % 4;
        if (is_inside(inside, corners[from]) || !is_inside(inside, corners[to])) continue;
        next[static_cast<std::size_t>(edge_between(corners[from], corners[to]))] = end;
        break;
      }
    }
  }
  return next;
}

bool share_face(int edge_a, int edge_b) {
  for (int face = 0; face < kCubeFaces; ++face) {
    if (cube_edge_on_face(edge_a, face) && cube_edge_on_face(edge_b, face)) return true;
  }
  return false;
}

Point edge_middle(int edge) {
  const auto [a, b] = cube_edge_corners(edge);
  Point p;
  for (int axis = 0; axis < 3; ++axis) {
    p[static_cast<std::size_t>(axis)] = 0.5 * (((a >> (2 - axis)) & 1) + ((b >> (2 - axis)) & 1));
  }
  return p;
}

/// 2 * area / (longest side)^2 with crossings in the middle of their edges: 0.87 at best.
double triangle_quality(const Point& a, const Point& b, const Point& c) {
  const auto minus = [](const Point& p, const Point& q) {
    return Point{p[0] - q[0], p[1] - q[1], p[2] - q[2]};
  };
  const auto square = [](const Point& p) { return p[0] * p[0] + p[1] * p[1] + p[2] * p[2]; };
  const Point u = minus(b, a), v = minus(c, a);
  const Point cross = {
      u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
  return std::sqrt(square(cross)) / std::max({square(u), square(v), square(minus(c, b))});
}

/// Cuts the polygon into triangles without diagonals in a face of the cell, so that the worst
/// triangle is as good as can be (dynamic programme over sub-polygons). Empty where impossible.
std::vector<std::array<std::uint8_t, 3>> cut_polygon(const std::vector<std::uint8_t>& polygon) {
  const std::size_t n = polygon.size();
  std::vector<double> best(n * n, -1);  // of the sub-polygon i, i + 1, .., j; -1: impossible
  std::vector<std::size_t> apex(n * n, 0);
  const auto usable = [&](std::size_t i, std::size_t j) {
    const bool side = j - i == 1 || (i == 0 && j == n - 1);
    return side || !share_face(polygon[i], polygon[j]);
  };
  for (std::size_t span = 1; span < n; ++span) {
    for (std::size_t i = 0; i + span < n; ++i) {
      const std::size_t j = i + span;
      if (!usable(i, j)) continue;
      if (span == 1) best[i * n + j] = 1;
      for (std::size_t k = i + 1; k < j; ++k) {
        const double quality = triangle_quality(
            edge_middle(polygon[i]), edge_middle(polygon[k]), edge_middle(polygon[j]));
        const double worst = std::min({best[i * n + k], best[k * n + j], quality});
        // The margin keeps rounding from deciding between equal cuts.
        if (worst > best[i * n + j] + 1e-9) {
          best[i * n + j] = worst;
          apex[i * n + j] = k;
        }
      }
    }
  }
  std::vector<std::array<std::uint8_t, 3>> triangles;
  if (best[n - 1] < 0) return triangles;
  std::vector<std::array<std::size_t, 2>> open = {{0, n - 1}};
  while (!open.empty()) {
    const auto [i, j] = open.back();
    open.pop_back();
    if (j - i < 2) continue;
    const std::size_t k = apex[i * n + j];
    triangles.push_back({polygon[i], polygon[k], polygon[j]});
    open.push_back({k, j});
    open.push_back({i, k});
  }
  return triangles;
}

CubeEntry make_entry(std::uint8_t inside, std::uint8_t joined) {
  CubeEntry entry;
  auto next = link_crossings(inside, joined);
  for (int first = 0; first < kCubeEdges; ++first) {
    CubePolygon polygon;
    for (int edge = first; next[static_cast<std::size_t>(edge)] >= 0;) {
      polygon.edges.push_back(static_cast<std::uint8_t>(edge));
      edge = std::exchange(next[static_cast<std::size_t>(edge)], -1);
    }
    if (polygon.edges.empty()) continue;
    auto triangles = cut_polygon(polygon.edges);
    if (triangles.empty()) {
      polygon.center = kCenterVertex + entry.centers++;
      for (std::size_t v = 0; v < polygon.edges.size(); ++v) {
        triangles.push_back({static_cast<std::uint8_t>(polygon.center),
                             polygon.edges[v],
                             polygon.edges[(v + 1) % polygon.edges.size()]});
      }
    }
    entry.triangles.insert(entry.triangles.end(), triangles.begin(), triangles.end());
    entry.polygons.push_back(std::move(polygon));
  }
  return entry;
}

/// Keeps the bits of `joined` that stand in `faces`, packed to the low end.
unsigned pack_bits(unsigned joined, unsigned faces) {
  unsigned packed = 0, position = 0;
  for (; faces != 0; faces &= faces - 1, ++position) {
    if ((joined & faces & -faces) != 0) packed |= 1u << position;
  }
  return packed;
}

struct Table {
  std::array<std::uint8_t, 256> ambiguous;
  std::array<std::uint32_t, 256> first;
  std::vector<CubeEntry> entries;

  Table() {
    for (unsigned inside = 0; inside < 256; ++inside) {
      const auto code = static_cast<std::uint8_t>(inside);
      ambiguous[inside] = cube_ambiguous_faces(code);
      first[inside] = static_cast<std::uint32_t>(entries.size());
      const unsigned faces = ambiguous[inside];
      // All subsets of the ambiguous faces, in ascending order of their packed bits.
      for (unsigned joined = 0;; joined = (joined - faces) & faces) {
        entries.push_back(make_entry(code, static_cast<std::uint8_t>(joined)));
        if (joined == faces) break;
      }
    }
  }
};

}  // namespace

std::array<int, 2> cube_edge_corners(int edge) {
  const int high = (edge >> 1) & 1, low = edge & 1;
  switch (edge / 4) {
    case 0:
      return {high * 2 + low, 4 + high * 2 + low};
    case 1:
      return {high * 4 + low, high * 4 + 2 + low};
    default:
      return {high * 4 + low * 2, high * 4 + low * 2 + 1};
  }
}

std::array<int, 4> cube_face_corners(int face) {
  const int axis = face / 2, side = face % 2;
  // u x v = axis for the cyclic successors u, v of the axis.
  const int bit = 4 >> axis, u = 4 >> ((axis + 1) % 3), v = 4 >> ((axis + 2) % 3);
  const int base = side * bit;
  if (side == 1) return {base, base + u, base + u + v, base + v};
  return {base, base + v, base + u + v, base + u};
}

bool cube_edge_on_face(int edge, int face) {
  const auto [a, b] = cube_edge_corners(edge);
  const int bit = 4 >> (face / 2), value = face % 2 == 1 ? bit : 0;
  return (a & bit) == value && (b & bit) == value;
}

std::uint8_t cube_ambiguous_faces(std::uint8_t inside) {
  unsigned faces = 0;
  for (int face = 0; face < kCubeFaces; ++face) {
    const auto q = cube_face_corners(face);
    const bool a = is_inside(inside, q[0]), b = is_inside(inside, q[1]);
    if (a != b && a == is_inside(inside, q[2]) && b == is_inside(inside, q[3])) {
      faces |= 1u << face;
    }
  }
  return static_cast<std::uint8_t>(faces);
}

const CubeEntry& cube_entry(std::uint8_t inside, std::uint8_t joined) {
  static const Table table;
  return table.entries[table.first[inside] + pack_bits(joined, table.ambiguous[inside])];
}

}  // namespace sinter::mesh
