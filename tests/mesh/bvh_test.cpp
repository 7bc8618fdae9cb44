#include "mesh/bvh.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "mesh/fields.h"
#include "mesh/shapes.h"
#include "sinter/error.h"

namespace sinter::mesh {
namespace {

using testing::uniform;
using Point = std::array<long double, 3>;

Point wide(const Vec3d& p) {
  return {p[0], p[1], p[2]};
}
long double product(const Point& a, const Point& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
Point along(const Point& a, const Point& b, long double t) {
  return {a[0] + t * b[0], a[1] + t * b[1], a[2] + t * b[2]};
}

/// Least distance by looking at every stationary point of the squared distance: inside, on the
/// three sides, at the three corners.
long double reference_distance(const Triangle& t, const Vec3d& query) {
  const Point q = wide(query);
  std::array<Point, 3> p;
  for (std::size_t i = 0; i < 3; ++i) p[i] = wide(to_double(t[i]));
  long double best = INFINITY;
  const auto try_point = [&](const Point& x) {
    const Point d = along(x, q, -1);
    best = std::min(best, product(d, d));
  };
  for (std::size_t i = 0; i < 3; ++i) {
    try_point(p[i]);
    const Point side = along(p[(i + 1) % 3], p[i], -1), to = along(q, p[i], -1);
    const long double s = product(side, side);
    const long double w = s > 0 ? product(to, side) / s : 0;
    if (w > 0 && w < 1) try_point(along(p[i], side, w));
  }
  const Point u = along(p[1], p[0], -1), v = along(p[2], p[0], -1), to = along(q, p[0], -1);
  const long double uu = product(u, u), uv = product(u, v), vv = product(v, v);
  const long double det = uu * vv - uv * uv;
  if (det > 0) {
    const long double a = (product(to, u) * vv - product(to, v) * uv) / det;
    const long double b = (product(to, v) * uu - product(to, u) * uv) / det;
    if (a > 0 && b > 0 && a + b < 1) try_point(along(along(p[0], u, a), v, b));
  }
  return std::sqrt(best);
}

TEST(Bvh, ClosestPointOnATriangleIsExact) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 50000; ++round) {
    Triangle t;
    for (Vec3& p : t) {
      for (float& x : p) x = static_cast<float>(uniform(random, -1, 1));
    }
    if (round % 5 == 1) t[2] = t[1];  // no area
    if (round % 5 == 2) t[2] = t[1] = t[0];
    if (round % 5 == 3) {  // a sliver
      for (std::size_t x = 0; x < 3; ++x) {
        t[2][x] = 0.5f * (t[0][x] + t[1][x]) + static_cast<float>(uniform(random, -1e-4, 1e-4));
      }
    }
    const Vec3d q = {uniform(random, -2, 2), uniform(random, -2, 2), uniform(random, -2, 2)};
    const Vec3d p = closest_point(t, q);
    const double expected = static_cast<double>(reference_distance(t, q));
    // A sliver's plane is known to about 1e-16 / 1e-4.
    ASSERT_NEAR(length(p - q), expected, 1e-11);
    ASSERT_NEAR(static_cast<double>(reference_distance(t, p)), 0, 1e-11);
  }
}

TriangleMesh soup(std::uint64_t seed, std::size_t faces, double size) {
  std::mt19937_64 random(seed);
  TriangleMesh mesh;
  for (std::size_t f = 0; f < faces; ++f) {
    const Vec3d at = {uniform(random, -1, 1), uniform(random, -1, 1), uniform(random, -1, 1)};
    for (int i = 0; i < 3; ++i) {
      const Vec3d d = {
          uniform(random, -size, size), uniform(random, -size, size), uniform(random, -size, size)};
      mesh.positions.push_back(to_float(at + d));
    }
    const auto v = static_cast<std::uint32_t>(3 * f);
    mesh.faces.push_back({v, v + 1, v + 2});
  }
  return mesh;
}

TEST(Bvh, ClosestMatchesBruteForce) {
  std::mt19937_64 random(2);
  for (std::size_t faces : {1u, 2u, 5u, 64u, 3000u}) {
    for (const double size : {0.0, 0.05, 1.0}) {
      const TriangleMesh mesh = soup(faces, faces, size);
      const Bvh bvh(mesh);
      for (int round = 0; round < 40; ++round) {
        const Vec3d q = {uniform(random, -2, 2), uniform(random, -2, 2), uniform(random, -2, 2)};
        long double expected = INFINITY;
        for (std::size_t f = 0; f < faces; ++f) {
          expected = std::min(expected, reference_distance(corners(mesh, f), q));
        }
        const ClosestPoint found = bvh.closest(q);
        ASSERT_NEAR(found.distance, static_cast<double>(expected), 1e-12);
        ASSERT_NEAR(length(found.position - q), found.distance, 1e-15);
        ASSERT_NEAR(
            static_cast<double>(reference_distance(corners(mesh, found.face), found.position)),
            0,
            1e-12);
      }
    }
  }
}

TEST(Bvh, OverlappingMatchesBruteForce) {
  const TriangleMesh mesh = soup(9, 2000, 0.1);
  const Bvh bvh(mesh);
  std::mt19937_64 random(3);
  for (int round = 0; round < 200; ++round) {
    Box box = Box::empty();
    for (int i = 0; i < 2; ++i) {
      box.include(Vec3{static_cast<float>(uniform(random, -1, 1)),
                       static_cast<float>(uniform(random, -1, 1)),
                       static_cast<float>(uniform(random, -1, 1))});
    }
    // Borders count: make the box end exactly at some triangle.
    if (round % 2 == 1) box.max = bounding_box(corners(mesh, 17)).min;
    std::vector<std::uint32_t> expected, found;
    for (std::uint32_t f = 0; f < mesh.faces.size(); ++f) {
      if (box.meets(bounding_box(corners(mesh, f)))) expected.push_back(f);
    }
    bvh.overlapping(box, [&](std::uint32_t f, const Triangle& t) {
      EXPECT_EQ(t, corners(mesh, f));
      found.push_back(f);
    });
    std::sort(found.begin(), found.end());
    ASSERT_EQ(found, expected);
  }
}

TEST(Bvh, ManyFacesAtOnePlaceAndNone) {
  TriangleMesh mesh = soup(1, 1, 0.3);
  for (int n = 0; n < 5000; ++n) mesh.faces.push_back(mesh.faces[0]);
  const Vec3d corner = to_double(mesh.positions[1]);
  EXPECT_NEAR(Bvh(mesh).closest(corner).distance, 0, 1e-15);
  EXPECT_THROW(Bvh(TriangleMesh{}), Error);
}

}  // namespace
}  // namespace sinter::mesh
