#include "mesh/cleanup.h"

#include <gtest/gtest.h>

#include <limits>
#include <numbers>

#include "mesh/check.h"
#include "mesh/shapes.h"
#include "sinter/error.h"

namespace sinter::mesh {
namespace {

using testing::append;
using testing::box_mesh;
using testing::sphere_mesh;
using testing::torus_mesh;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Cleanup, ComponentsAreJoinedAcrossEdgesOnly) {
  TriangleMesh mesh = box_mesh({1, 1, 1});
  append(mesh, sphere_mesh(1, 1, {5, 0, 0}));
  // A triangle that touches the box in one vertex is a component of its own.
  mesh.positions.push_back({-1, 0, 0});
  mesh.positions.push_back({-1, 1, 0});
  const auto v = static_cast<std::uint32_t>(mesh.positions.size());
  mesh.faces.push_back({0, v - 1, v - 2});
  const Components c = find_components(mesh);
  EXPECT_EQ(c.face_count, (std::vector<std::int64_t>{12, 32, 1}));
  EXPECT_EQ(c.of_face[0], 0u);
  EXPECT_EQ(c.of_face[12], 1u);
  EXPECT_EQ(c.of_face[44], 2u);
}

// floor(0.005 * 2048) = 10 faces are enough, fewer are not.
TEST(Cleanup, FloaterThresholdIsStrict) {
  TriangleMesh mesh;
  append(mesh, box_mesh({0.1f, 0.1f, 0.1f}, {3, 0, 0}));  // 12 faces
  append(mesh, sphere_mesh(1, 4));                        // 2048 faces
  append(mesh, sphere_mesh(0.1, 0, {5, 0, 0}));           // 8 faces
  TriangleMesh ten = box_mesh({0.1f, 0.1f, 0.1f}, {7, 0, 0});
  ten.faces.resize(10);
  append(mesh, ten);
  TriangleMesh nine = box_mesh({0.1f, 0.1f, 0.1f}, {9, 0, 0});
  nine.faces.resize(9);
  append(mesh, nine);
  EXPECT_EQ(remove_floaters(mesh), 2);
  EXPECT_EQ(find_components(mesh).face_count, (std::vector<std::int64_t>{12, 2048, 10}));
  EXPECT_EQ(check_mesh(mesh).unreferenced_vertices, 0);
  EXPECT_EQ(remove_floaters(mesh, 0), 0);
  EXPECT_EQ(remove_floaters(mesh, 1), 2);
  EXPECT_EQ(mesh.faces.size(), 2048u);
  EXPECT_EQ(check_mesh(mesh).sound, true);
  EXPECT_THROW(remove_floaters(mesh, 1.5), Error);
  EXPECT_THROW(remove_floaters(mesh, std::numeric_limits<double>::quiet_NaN()), Error);
  TriangleMesh empty;
  EXPECT_EQ(remove_floaters(empty), 0);
}

TEST(Cleanup, DegenerateFacesAndBadVerticesGo) {
  TriangleMesh mesh = box_mesh({1, 1, 1});
  mesh.positions.push_back({kNan, 0, 0});
  mesh.positions.push_back({9, 9, 9});
  mesh.faces.push_back({0, 1, 8});
  mesh.faces.push_back({2, 2, 3});
  const TriangleMesh before = mesh;
  const CleanupCounts counts = remove_degenerate(mesh);
  EXPECT_EQ(counts.non_finite_vertices, 1);
  EXPECT_EQ(counts.repeated_index_faces, 2);
  EXPECT_EQ(counts.unreferenced_vertices, 1);
  EXPECT_EQ(counts.merged_vertices, 0);
  EXPECT_EQ(mesh.positions, box_mesh({1, 1, 1}).positions);
  EXPECT_EQ(mesh.faces, box_mesh({1, 1, 1}).faces);
}

TEST(Cleanup, CoincidentVerticesMergeExactly) {
  // Every face with vertices of its own, as STL stores them.
  const TriangleMesh torus = torus_mesh(1, 0.3, 30, 20);
  TriangleMesh loose;
  for (const Face& f : torus.faces) {
    for (const std::uint32_t v : f) loose.positions.push_back(torus.positions[v]);
    const auto v = static_cast<std::uint32_t>(loose.positions.size());
    loose.faces.push_back({v - 3, v - 2, v - 1});
  }
  loose.positions[0][0] = torus.positions[0][0];
  const CleanupCounts counts = remove_degenerate(loose, true);
  EXPECT_EQ(loose.positions.size(), torus.positions.size());
  EXPECT_EQ(counts.merged_vertices, 3 * 1200 - 600);
  EXPECT_EQ(counts.unreferenced_vertices, 0);
  const MeshReport r = check_mesh(loose);
  EXPECT_TRUE(r.sound);
  EXPECT_EQ(r.genus, 1);

  // -0 and 0 are one place, and a face that collapses goes.
  TriangleMesh zero;
  zero.positions = {{0.0f, 1, 0}, {-0.0f, 1, 0}, {1, 0, 0}, {0, 0, 1}};
  zero.faces = {{0, 1, 2}, {0, 2, 3}};
  remove_degenerate(zero, true);
  EXPECT_EQ(zero.faces.size(), 1u);
  EXPECT_EQ(zero.positions.size(), 3u);
}

TEST(Cleanup, VolumeAreaAndOrientation) {
  TriangleMesh mesh = sphere_mesh(0.5, 5, {100, 200, -300});
  const double volume = 4.0 / 3 * std::numbers::pi * 0.125;
  EXPECT_NEAR(signed_volume(mesh), volume, 0.003 * volume);
  EXPECT_NEAR(surface_area(mesh), std::numbers::pi, 0.003 * std::numbers::pi);
  EXPECT_FALSE(orient_outwards(mesh));
  for (Face& f : mesh.faces) std::swap(f[0], f[2]);
  EXPECT_LT(signed_volume(mesh), 0);
  EXPECT_TRUE(orient_outwards(mesh));
  EXPECT_TRUE(check_mesh(mesh).sound);
}

}  // namespace
}  // namespace sinter::mesh
