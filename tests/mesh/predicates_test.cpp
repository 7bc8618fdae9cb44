// Exact predicates against integer arithmetic.

#include "mesh/predicates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace sinter::mesh {
namespace {

__extension__ typedef __int128 Wide;
using Point = std::array<std::int64_t, 3>;

int sign(Wide value) {
  return value > 0 ? 1 : value < 0 ? -1 : 0;
}

Vec3 scaled(const Point& p, int exponent) {
  return {std::ldexp(static_cast<float>(p[0]), exponent),
          std::ldexp(static_cast<float>(p[1]), exponent),
          std::ldexp(static_cast<float>(p[2]), exponent)};
}

Point minus(const Point& a, const Point& b) {
  return {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
}

std::array<Wide, 3> cross(const Point& a, const Point& b) {
  return {Wide{a[1]} * b[2] - Wide{a[2]} * b[1],
          Wide{a[2]} * b[0] - Wide{a[0]} * b[2],
          Wide{a[0]} * b[1] - Wide{a[1]} * b[0]};
}

int reference_orientation(const Point& a, const Point& b, const Point& c, const Point& d) {
  const auto n = cross(minus(b, a), minus(c, a));
  const Point w = minus(d, a);
  return sign(n[0] * w[0] + n[1] * w[1] + n[2] * w[2]);
}

/// An integer that fp32 holds exactly: up to 24 bits, then up to 14 zero bits.
std::int64_t random_coordinate(std::mt19937_64& random, int zeros) {
  const auto value = static_cast<std::int64_t>(random() >> 40) - (1 << 23);
  return value * (std::int64_t{1} << (zeros > 0 ? random() % static_cast<unsigned>(zeros) : 0));
}

TEST(Predicates, OrientationIsExact) {
  std::mt19937_64 random(3);
  int zeros = 0;
  for (int round = 0; round < 200000; ++round) {
    std::array<Point, 4> p;
    for (Point& point : p) {
      for (auto& x : point) x = random_coordinate(random, 14);
    }
    // Mostly points in, or one step beside, the plane of the other three.
    if (round % 4 != 0) {
      const auto i = static_cast<std::int64_t>(random() % 5) - 2;
      const auto j = static_cast<std::int64_t>(random() % 5) - 2;
      for (std::size_t x = 0; x < 3; ++x) {
        for (std::size_t n = 0; n < 3; ++n) p[n][x] = random_coordinate(random, 0) / 16;
        p[3][x] = p[0][x] + i * (p[1][x] - p[0][x]) + j * (p[2][x] - p[0][x]);
      }
      if (round % 4 == 2) p[3][random() % 3] += 1;
    }
    const int expected = reference_orientation(p[0], p[1], p[2], p[3]);
    zeros += expected == 0;
    const int exponent = static_cast<int>(random() % 60) - 40;
    ASSERT_EQ(orientation(scaled(p[0], exponent),
                          scaled(p[1], exponent),
                          scaled(p[2], exponent),
                          scaled(p[3], exponent)),
              expected)
        << "round " << round;
  }
  EXPECT_GT(zeros, 50000);
}

TEST(Predicates, OrientationInPlaneIsExact) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 100000; ++round) {
    std::array<Point, 3> p;
    for (Point& point : p) {
      for (auto& x : point) x = random_coordinate(random, 14);
    }
    if (round % 2 == 1) {
      const auto i = static_cast<std::int64_t>(random() % 7) - 3;
      for (std::size_t x = 0; x < 3; ++x) {
        for (std::size_t n = 0; n < 2; ++n) p[n][x] = random_coordinate(random, 0) / 16;
        p[2][x] = p[0][x] + i * (p[1][x] - p[0][x]);
      }
      if (round % 4 == 1) p[2][random() % 3] += 1;
    }
    const auto n = cross(minus(p[1], p[0]), minus(p[2], p[0]));
    for (int axis = 0; axis < 3; ++axis) {
      ASSERT_EQ(orientation_in_plane(axis, scaled(p[0], -20), scaled(p[1], -20), scaled(p[2], -20)),
                sign(n[static_cast<std::size_t>(axis)]));
    }
    const bool line = n[0] == 0 && n[1] == 0 && n[2] == 0;
    ASSERT_EQ(collinear({scaled(p[0], -20), scaled(p[1], -20), scaled(p[2], -20)}), line);
  }
}

using IntTriangle = std::array<Point, 3>;

/// Separating axis theorem in integers: disjoint convex sets have a gap along a face normal, a
/// cross product of edges, or (in one plane) an edge's normal in that plane.
bool reference_meet(const IntTriangle& s, const IntTriangle& t) {
  std::vector<std::array<Wide, 3>> axes;
  const auto normal_s = cross(minus(s[1], s[0]), minus(s[2], s[0]));
  const auto normal_t = cross(minus(t[1], t[0]), minus(t[2], t[0]));
  axes.push_back(normal_s);
  axes.push_back(normal_t);
  const auto narrow = [](const std::array<Wide, 3>& n) {
    return Point{static_cast<std::int64_t>(n[0]),
                 static_cast<std::int64_t>(n[1]),
                 static_cast<std::int64_t>(n[2])};
  };
  for (std::size_t i = 0; i < 3; ++i) {
    const Point e = minus(s[(i + 1) % 3], s[i]);
    axes.push_back(cross(narrow(normal_s), e));
    axes.push_back(cross(narrow(normal_t), minus(t[(i + 1) % 3], t[i])));
    for (std::size_t j = 0; j < 3; ++j) axes.push_back(cross(e, minus(t[(j + 1) % 3], t[j])));
  }
  for (const auto& axis : axes) {
    const auto along = [&](const Point& p) {
      return axis[0] * p[0] + axis[1] * p[1] + axis[2] * p[2];
    };
    const auto [s_low, s_high] = std::minmax({along(s[0]), along(s[1]), along(s[2])});
    const auto [t_low, t_high] = std::minmax({along(t[0]), along(t[1]), along(t[2])});
    if (s_high < t_low || t_high < s_low) return false;
  }
  return true;
}

// Corners on a tiny integer lattice: touching, coplanar and aligned cases all the time.
TEST(Predicates, TrianglesWithoutCommonCornerMatchSeparatingAxes) {
  std::mt19937_64 random(5);
  int tested = 0, meeting = 0;
  while (tested < 200000) {
    const unsigned extent = 3 + static_cast<unsigned>(tested % 3) * 3;
    IntTriangle s, t;
    for (Point& p : s) {
      for (auto& x : p) x = static_cast<std::int64_t>(random() % extent);
    }
    for (Point& p : t) {
      for (auto& x : p) x = static_cast<std::int64_t>(random() % extent);
    }
    if (tested % 4 == 0) {
      for (std::size_t n = 0; n < 3; ++n) s[n][2] = t[n][2] = 1;
    }
    const auto to_float = [](const IntTriangle& u) {
      return Triangle{scaled(u[0], -3), scaled(u[1], -3), scaled(u[2], -3)};
    };
    bool common = false;
    for (const Point& p : s) common = common || std::find(t.begin(), t.end(), p) != t.end();
    if (common || collinear(to_float(s)) || collinear(to_float(t))) continue;
    ++tested;
    const bool expected = reference_meet(s, t);
    meeting += expected;
    ASSERT_EQ(triangles_intersect(to_float(s), to_float(t)), expected);
    ASSERT_EQ(triangles_intersect(to_float(t), to_float(s)), expected);
  }
  EXPECT_GT(meeting, 20000);
}

// What two triangles share is one corner c: cut the tips off at c and ask the reference whether
// the rest still meets, in coordinates scaled so that the cut stays an integer point.
TEST(Predicates, TrianglesWithOneCommonCornerMatchTruncatedTips) {
  std::mt19937_64 random(6);
  int tested = 0, meeting = 0;
  while (tested < 50000) {
    IntTriangle s, t;
    for (Point& p : s) {
      for (auto& x : p) x = 64 * static_cast<std::int64_t>(random() % 4);
    }
    for (Point& p : t) {
      for (auto& x : p) x = 64 * static_cast<std::int64_t>(random() % 4);
    }
    t[2] = s[2];
    const auto to_float = [](const IntTriangle& u) {
      return Triangle{scaled(u[0], -9), scaled(u[1], -9), scaled(u[2], -9)};
    };
    bool more = false;
    for (std::size_t i = 0; i < 2; ++i) {
      more = more || std::find(t.begin(), t.begin() + 2, s[i]) != t.begin() + 2;
    }
    if (more || collinear(to_float(s)) || collinear(to_float(t))) continue;
    ++tested;
    // Only s is cut, to the quadrilateral a0 a1 b1 b0 with b = c + (a - c) / 64: where s and t
    // share a direction at c, they share it up to at least that far.
    const auto near = [&](const Point& a) {
      Point p = minus(a, s[2]);
      for (std::size_t x = 0; x < 3; ++x) p[x] = s[2][x] + p[x] / 64;
      return p;
    };
    const bool expected = reference_meet({s[0], s[1], near(s[0])}, t) ||
                          reference_meet({s[1], near(s[1]), near(s[0])}, t);
    meeting += expected;
    Triangle a = to_float(s), b = to_float(t);
    std::rotate(a.begin(), a.begin() + random() % 3, a.end());
    std::rotate(b.begin(), b.begin() + random() % 3, b.end());
    ASSERT_EQ(triangles_intersect(a, b), expected);
    ASSERT_EQ(triangles_intersect(b, a), expected);
  }
  EXPECT_GT(meeting, 2000);
}

TEST(Predicates, TrianglesWithCommonEdgeMeetOnlyWhenFolded) {
  const Vec3 a = {0, 0, 0}, b = {1, 0, 0}, c = {0.25f, 1, 0};
  const auto meet = [](const Vec3& p, const Vec3& q, const Vec3& r, const Triangle& t) {
    return triangles_intersect({p, q, r}, t);
  };
  EXPECT_FALSE(meet(a, b, c, {b, a, Vec3{0.5f, -1, 0}}));
  EXPECT_FALSE(meet(a, b, c, {b, a, Vec3{0.25f, 1, 1e-30f}}));
  EXPECT_TRUE(meet(a, b, c, {b, a, Vec3{0.5f, 2, 0}}));
  EXPECT_TRUE(meet(c, a, b, {Vec3{-3, 0.125f, 0}, b, a}));
  EXPECT_FALSE(meet(a, b, c, {c, b, a}));
}

}  // namespace
}  // namespace sinter::mesh
