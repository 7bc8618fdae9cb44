#include "texture/corner_normals.h"

#include <gtest/gtest.h>

#include <cmath>

#include "texture/test_meshes.h"

namespace sinter::texture {
namespace {

using mesh::Vec3;
using test::ball;
using test::box;
using test::cut_apart;

void expect_near(const Vec3& actual, const Vec3& expected, float tolerance) {
  for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(actual[c], expected[c], tolerance);
}

TEST(CornerNormals, EdgesOfABoxStaySharp) {
  const mesh::TriangleMesh mesh = box({1, 2, 3}, {5, 5, 5});
  const auto normals = corner_normals(mesh, 40, 2);
  static constexpr Vec3 kSides[6] = {
      {0, 0, -1}, {0, 0, 1}, {0, -1, 0}, {0, 1, 0}, {-1, 0, 0}, {1, 0, 0}};
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    for (const Vec3& normal : normals[f]) expect_near(normal, kSides[f / 2], 1e-6f);
  }
}

TEST(CornerNormals, WeightsAreAreas) {
  // Two faces at right angles over the edge 0-1; areas 1 and 3.
  mesh::TriangleMesh mesh;
  mesh.positions = {{0, 0, 0}, {1, 0, 0}, {0, 2, 0}, {0, 0, 6}};
  mesh.faces = {{0, 1, 2}, {1, 0, 3}};  // normals +Z and +Y
  const auto smooth = corner_normals(mesh, 91, 1);
  const float length = std::sqrt(10.0f);
  expect_near(smooth[0][0], {0, 3 / length, 1 / length}, 1e-6f);
  expect_near(smooth[1][1], {0, 3 / length, 1 / length}, 1e-6f);
  expect_near(smooth[0][2], {0, 0, 1}, 1e-6f);  // only one face there
  const auto sharp = corner_normals(mesh, 89, 1);
  expect_near(sharp[0][0], {0, 0, 1}, 1e-6f);
  expect_near(sharp[1][0], {0, 1, 0}, 1e-6f);
}

TEST(CornerNormals, ABallIsSmoothAlsoWhereAFileHasCutIt) {
  const mesh::TriangleMesh whole = ball(24);
  const auto normals = corner_normals(whole, 40, 2);
  for (std::size_t f = 0; f < whole.faces.size(); ++f) {
    for (std::size_t c = 0; c < 3; ++c)
      expect_near(normals[f][c], whole.positions[whole.faces[f][c]], 0.03f);
  }
  const mesh::TriangleMesh apart = cut_apart(whole);
  const auto again = corner_normals(apart, 40, 3);
  for (std::size_t f = 0; f < whole.faces.size(); ++f) {
    for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(again[f][c], normals[f][c]);
  }
}

TEST(CornerNormals, FacesWithoutAreaAndFansOfAnySize) {
  mesh::TriangleMesh mesh = ball(400);  // 800 faces meet at each pole
  mesh.faces.push_back({0, 0, 1});
  mesh.positions.push_back({9, 9, 9});
  const auto lonely = static_cast<std::uint32_t>(mesh.positions.size()) - 1;
  mesh.faces.push_back({lonely, lonely, lonely});
  const auto normals = corner_normals(mesh, 40, 2);
  for (std::size_t f = 0; f + 1 < normals.size(); ++f) {
    for (const Vec3& n : normals[f]) ASSERT_NEAR(std::hypot(n[0], n[1], n[2]), 1, 1e-5);
  }
  EXPECT_EQ(normals.back()[0], (Vec3{0, 0, 0}));
}

}  // namespace
}  // namespace sinter::texture
