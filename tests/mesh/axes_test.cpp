#include "mesh/axes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "mesh/check.h"
#include "mesh/cleanup.h"
#include "mesh/shapes.h"
#include "sinter/error.h"

namespace sinter::mesh {
namespace {

constexpr Axis kAll[] = {Axis::x, Axis::y, Axis::z, Axis::minus_x, Axis::minus_y, Axis::minus_z};

/// The unit vector of an axis, by its place in kAll.
Vec3 unit(Axis axis) {
  Vec3 v{};
  const auto n = static_cast<std::size_t>(axis);
  v[n % 3] = n < 3 ? 1.0f : -1.0f;
  return v;
}

TEST(Axes, EveryPairIsARotationThatBringsUpAndForwardToTheirPlaces) {
  int pairs = 0;
  std::set<std::vector<Vec3>> results;
  for (const Axis up : kAll) {
    for (const Axis forward : kAll) {
      const Axes axes{up, forward};
      if (static_cast<int>(up) % 3 == static_cast<int>(forward) % 3) {
        EXPECT_THROW(check_axes(axes), Error);
        continue;
      }
      ++pairs;
      // Mesh space: up is +y, forward is +z.
      TriangleMesh mesh = testing::box_mesh({1, 2, 3});
      const TriangleMesh before = mesh;
      mesh.positions.insert(mesh.positions.end(), {{0, 1, 0}, {0, 0, 1}});
      turn(mesh, {}, axes);
      EXPECT_EQ(mesh.positions[8], unit(up));
      EXPECT_EQ(mesh.positions[9], unit(forward));
      mesh.positions.resize(8);
      EXPECT_EQ(signed_volume(mesh), 6);  // not mirrored
      results.insert(mesh.positions);
      turn(mesh, axes, {});
      EXPECT_EQ(mesh.positions, before.positions);
      EXPECT_EQ(mesh.faces, before.faces);
    }
  }
  EXPECT_EQ(pairs, 24);
  EXPECT_EQ(results.size(), 24u);
}

TEST(Axes, ScaleSetsTheLongestSide) {
  TriangleMesh mesh = testing::box_mesh({0.25f, 0.7f, 0.3f}, {0.1f, -3, 2});
  scale_longest_side(mesh, 120);
  const MeshReport report = check_mesh(mesh);
  EXPECT_TRUE(report.sound);
  EXPECT_NEAR(report.max[1] - report.min[1], 120, 1e-4);
  EXPECT_NEAR(report.max[0] - report.min[0], 120 * 0.25 / 0.7, 1e-4);
  EXPECT_NEAR(report.min[1], -3 * 120 / 0.7, 1e-3);
}

TEST(Axes, ScaleRefusesWhatHasNoSize) {
  TriangleMesh empty;
  EXPECT_THROW(scale_longest_side(empty, 1), Error);
  TriangleMesh point = {{{1, 2, 3}}, {{0, 0, 0}}};
  EXPECT_THROW(scale_longest_side(point, 1), Error);
  TriangleMesh mesh = testing::box_mesh({1, 1, 1});
  EXPECT_THROW(scale_longest_side(mesh, 1e39), Error);
  mesh.positions[3][1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(scale_longest_side(mesh, 1), Error);
}

}  // namespace
}  // namespace sinter::mesh
