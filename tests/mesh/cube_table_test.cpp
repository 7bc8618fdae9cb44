// Exhaustive proofs over the marching-cubes table.

#include "mesh/cube_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <utility>

#include "mesh/fields.h"
#include "mesh/predicates.h"

namespace sinter::mesh {
namespace {

using Side = std::pair<int, int>;  // directed, between edge crossings

std::vector<std::uint8_t> all_joined(int inside) {
  std::vector<std::uint8_t> variants;
  const unsigned faces = cube_ambiguous_faces(static_cast<std::uint8_t>(inside));
  for (unsigned joined = 0;; joined = (joined - faces) & faces) {
    variants.push_back(static_cast<std::uint8_t>(joined));
    if (joined == faces) return variants;
  }
}

template <class Visit>
void for_each_entry(Visit&& visit) {
  for (int inside = 0; inside < 256; ++inside) {
    for (const std::uint8_t joined : all_joined(inside)) {
      SCOPED_TRACE(::testing::Message() << "inside " << inside << " joined " << int{joined});
      visit(inside, joined, cube_entry(static_cast<std::uint8_t>(inside), joined));
    }
  }
}

bool crossed(int inside, int edge) {
  const auto [a, b] = cube_edge_corners(edge);
  return ((inside >> a) & 1) != ((inside >> b) & 1);
}

/// Sides of polygons that lie in a face of the cell.
std::set<Side> sides_on_face(const CubeEntry& entry, int face) {
  std::set<Side> sides;
  for (const CubePolygon& polygon : entry.polygons) {
    for (std::size_t n = 0; n < polygon.edges.size(); ++n) {
      const int a = polygon.edges[n], b = polygon.edges[(n + 1) % polygon.edges.size()];
      if (cube_edge_on_face(a, face) && cube_edge_on_face(b, face)) sides.insert({a, b});
    }
  }
  return sides;
}

TEST(CubeTable, NumberingIsAsDocumented) {
  std::set<Side> edges;
  for (int e = 0; e < kCubeEdges; ++e) {
    const auto [a, b] = cube_edge_corners(e);
    EXPECT_EQ(b - a, 4 >> (e / 4));
    edges.insert({a, b});
  }
  EXPECT_EQ(edges.size(), 12u);
  for (int f = 0; f < kCubeFaces; ++f) {
    int on_face = 0;
    for (int e = 0; e < kCubeEdges; ++e) on_face += cube_edge_on_face(e, f);
    EXPECT_EQ(on_face, 4);
    for (const int corner : cube_face_corners(f)) {
      EXPECT_EQ((corner >> (2 - f / 2)) & 1, f % 2);
    }
  }
}

TEST(CubeTable, PolygonsUseEveryCrossingOnce) {
  int entries = 0;
  for_each_entry([&](int inside, std::uint8_t, const CubeEntry& entry) {
    ++entries;
    std::multiset<int> used;
    for (const CubePolygon& polygon : entry.polygons) {
      EXPECT_GE(polygon.edges.size(), 3u);
      used.insert(polygon.edges.begin(), polygon.edges.end());
    }
    for (int e = 0; e < kCubeEdges; ++e) {
      EXPECT_EQ(used.count(e), crossed(inside, e) ? 1u : 0u) << "edge " << e;
    }
  });
  EXPECT_EQ(entries, 656);
}

// A polygon's sides have one triangle, every other edge has two in opposite directions and never
// joins crossings on a common face, where the neighbouring cell might use the same edge.
TEST(CubeTable, TrianglesFillThePolygons) {
  for_each_entry([&](int, std::uint8_t, const CubeEntry& entry) {
    std::set<Side> sides;
    std::set<int> centers;
    for (const CubePolygon& polygon : entry.polygons) {
      for (std::size_t n = 0; n < polygon.edges.size(); ++n) {
        sides.insert({polygon.edges[n], polygon.edges[(n + 1) % polygon.edges.size()]});
      }
      if (polygon.center >= 0) centers.insert(polygon.center);
    }
    EXPECT_EQ(static_cast<int>(centers.size()), entry.centers);
    std::map<Side, int> walks;
    for (const auto& t : entry.triangles) {
      for (std::size_t i = 0; i < 3; ++i) ++walks[{t[i], t[(i + 1) % 3]}];
    }
    for (const Side& side : sides) EXPECT_EQ(walks[side], 1);
    for (const auto& [walk, count] : walks) {
      if (count == 0) continue;
      EXPECT_EQ(count, 1);
      const Side back = {walk.second, walk.first};
      if (sides.contains(walk)) {
        EXPECT_EQ(walks.count(back), 0u);
        continue;
      }
      EXPECT_EQ(walks.count(back), 1u);
      for (int f = 0; f < kCubeFaces; ++f) {
        const bool both = walk.first < kCubeEdges && walk.second < kCubeEdges &&
                          cube_edge_on_face(walk.first, f) && cube_edge_on_face(walk.second, f);
        EXPECT_FALSE(both) << "diagonal " << walk.first << "-" << walk.second << " on face " << f;
      }
    }
  });
}

// Every pair of cells that can be neighbours, in the three directions, with every decision about
// every face: what one draws on the common face, the other draws backwards.
TEST(CubeTable, NeighboursAgreeOnTheirCommonFace) {
  int pairs = 0;
  for (int axis = 0; axis < 3; ++axis) {
    const int bit = 4 >> axis;
    const int upper_face = 2 * axis + 1, lower_face = 2 * axis;
    // An edge of the first cell's upper face, as an edge of the second cell's lower face.
    const auto across = [&](int edge) {
      const auto [a, b] = cube_edge_corners(edge);
      for (int e = 0; e < kCubeEdges; ++e) {
        if (cube_edge_corners(e) == std::array<int, 2>{a - bit, b - bit}) return e;
      }
      return -1;
    };
    for (int first = 0; first < 256; ++first) {
      for (int second = 0; second < 256; ++second) {
        bool match = true;
        for (int c = 0; c < kCubeCorners; ++c) {
          if ((c & bit) == 0) match = match && ((first >> (c + bit)) & 1) == ((second >> c) & 1);
        }
        if (!match) continue;
        ++pairs;
        for (const std::uint8_t joined_first : all_joined(first)) {
          std::set<Side> expected;
          for (const auto& [a, b] : sides_on_face(
                   cube_entry(static_cast<std::uint8_t>(first), joined_first), upper_face)) {
            expected.insert({across(b), across(a)});
          }
          for (const std::uint8_t joined_second : all_joined(second)) {
            if (((joined_first >> upper_face) & 1) != ((joined_second >> lower_face) & 1)) continue;
            ASSERT_EQ(sides_on_face(cube_entry(static_cast<std::uint8_t>(second), joined_second),
                                    lower_face),
                      expected)
                << first << " " << int{joined_first} << " | " << second << " " << int{joined_second}
                << " axis " << axis;
          }
        }
      }
    }
  }
  EXPECT_EQ(pairs, 3 * 256 * 16);
}

// With crossings where the values put them, no two triangles of a cell touch besides their common
// corners. Together with the tests above: the surface of a whole grid never intersects itself.
TEST(CubeTable, TrianglesOfACellDoNotIntersect) {
  std::mt19937_64 random(11);
  std::set<std::pair<int, int>> seen;
  for (int round = 0; round < 200000; ++round) {
    std::array<double, 8> value;
    int inside = 0;
    for (std::size_t c = 0; c < 8; ++c) {
      value[c] = testing::uniform(random, -1, 1);
      // Small integers for ties; a wide range of magnitudes for crossings near the corners.
      if (round % 3 == 1) value[c] = std::round(2 * value[c]);
      if (round % 3 == 2)
        value[c] = std::copysign(std::pow(10, 8 * std::abs(value[c]) - 8), value[c]);
      if (value[c] > 0) inside |= 1 << c;
    }
    unsigned joined = 0;
    for (int f = 0; f < kCubeFaces; ++f) {
      const auto q = cube_face_corners(f);
      const double even =
          value[static_cast<std::size_t>(q[0])] * value[static_cast<std::size_t>(q[2])];
      const double odd =
          value[static_cast<std::size_t>(q[1])] * value[static_cast<std::size_t>(q[3])];
      const bool even_inside = ((inside >> q[0]) & 1) != 0;
      if (even_inside ? even > odd : odd > even) joined |= 1u << f;
    }
    joined &= cube_ambiguous_faces(static_cast<std::uint8_t>(inside));
    seen.insert({inside, static_cast<int>(joined)});
    const CubeEntry& entry =
        cube_entry(static_cast<std::uint8_t>(inside), static_cast<std::uint8_t>(joined));
    std::array<Vec3, 16> point{};
    for (int e = 0; e < kCubeEdges; ++e) {
      if (!crossed(inside, e)) continue;
      const auto [a, b] = cube_edge_corners(e);
      const double va = value[static_cast<std::size_t>(a)], vb = value[static_cast<std::size_t>(b)];
      const double t = std::clamp(va / (va - vb), 1.0 / 1024, 1023.0 / 1024);
      for (int x = 0; x < 3; ++x) {
        const double pa = (a >> (2 - x)) & 1, pb = (b >> (2 - x)) & 1;
        point[static_cast<std::size_t>(e)][static_cast<std::size_t>(x)] =
            static_cast<float>(pa + (pb - pa) * t);
      }
    }
    for (const CubePolygon& polygon : entry.polygons) {
      if (polygon.center < 0) continue;
      for (std::size_t x = 0; x < 3; ++x) {
        float sum = 0;
        for (const int e : polygon.edges) sum += point[static_cast<std::size_t>(e)][x];
        point[static_cast<std::size_t>(polygon.center)][x] =
            sum / static_cast<float>(polygon.edges.size());
      }
    }
    const auto triangle = [&](std::size_t n) {
      const auto& t = entry.triangles[n];
      return Triangle{point[t[0]], point[t[1]], point[t[2]]};
    };
    for (std::size_t n = 0; n < entry.triangles.size(); ++n) {
      ASSERT_FALSE(collinear(triangle(n)));
      for (std::size_t m = 0; m < n; ++m) {
        ASSERT_FALSE(triangles_intersect(triangle(n), triangle(m)))
            << "inside " << inside << " joined " << joined << " triangles " << m << ", " << n;
      }
    }
  }
  // The rest are decisions that no eight values lead to.
  EXPECT_GT(seen.size(), 600u);
}

}  // namespace
}  // namespace sinter::mesh
