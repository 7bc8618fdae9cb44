#include "mesh/check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <random>

#include "mesh/fields.h"
#include "mesh/marching_cubes.h"
#include "mesh/predicates.h"
#include "mesh/sample_dense.h"
#include "mesh/shapes.h"
#include "sinter/error.h"

namespace sinter::mesh {
namespace {

using testing::append;
using testing::box_mesh;
using testing::sphere_mesh;
using testing::torus_mesh;

TEST(Check, BoxIsSound) {
  const MeshReport r = check_mesh(box_mesh({1, 2, 3}, {5, 6, 7}));
  EXPECT_EQ(r.vertices, 8);
  EXPECT_EQ(r.faces, 12);
  EXPECT_EQ(r.components, 1);
  EXPECT_EQ(r.euler_number, 2);
  EXPECT_EQ(r.genus, 0);
  EXPECT_DOUBLE_EQ(r.volume, 6);
  EXPECT_DOUBLE_EQ(r.area, 22);
  EXPECT_EQ(r.min, (Vec3{5, 6, 7}));
  EXPECT_EQ(r.max, (Vec3{6, 8, 10}));
  EXPECT_TRUE(r.watertight);
  EXPECT_TRUE(r.sound);
}

TEST(Check, KnownShapesHaveTheirGenusAndVolume) {
  TriangleMesh mesh = torus_mesh(1, 0.3, 400, 200);
  append(mesh, sphere_mesh(0.5, 6, {3, 0, 0}));
  append(mesh, torus_mesh(5, 0.25, 50, 20));
  const MeshReport r = check_mesh(mesh, {.threads = 2});
  EXPECT_EQ(r.components, 3);
  EXPECT_EQ(r.genus, 2);
  EXPECT_EQ(r.euler_number, 2);
  EXPECT_TRUE(r.sound);
  const double pi2 = 2 * std::numbers::pi * std::numbers::pi;
  const double expected = pi2 * 0.09 + 4.0 / 3 * std::numbers::pi * 0.125 + pi2 * 5 * 0.0625;
  EXPECT_NEAR(r.volume, expected, 0.02 * expected);
  EXPECT_LT(r.volume, expected);  // corners on the surface: the solid is convex across
}

TEST(Check, InwardFacesAreNotSound) {
  TriangleMesh mesh = box_mesh({1, 1, 1});
  for (Face& f : mesh.faces) std::swap(f[0], f[1]);
  const MeshReport r = check_mesh(mesh);
  EXPECT_TRUE(r.watertight);
  EXPECT_DOUBLE_EQ(r.volume, -1);
  EXPECT_FALSE(r.sound);
}

TEST(Check, HolesAndTurnedFacesAreCounted) {
  TriangleMesh mesh = box_mesh({1, 1, 1});
  std::swap(mesh.faces[3][0], mesh.faces[3][1]);
  MeshReport r = check_mesh(mesh);
  EXPECT_EQ(r.inconsistent_edges, 3);
  EXPECT_EQ(r.boundary_edges, 0);
  EXPECT_FALSE(r.watertight);

  mesh = box_mesh({1, 1, 1});
  mesh.faces.pop_back();
  r = check_mesh(mesh);
  EXPECT_EQ(r.boundary_edges, 3);
  EXPECT_EQ(r.inconsistent_edges, 0);
  EXPECT_EQ(r.non_manifold_vertices, 0);
  EXPECT_EQ(r.euler_number, 1);
  EXPECT_FALSE(r.watertight);
}

TEST(Check, BoxesThatTouchInAVertexOrAnEdge) {
  // Two boxes that share vertex 7 of the first and vertex 0 of the second.
  TriangleMesh mesh = box_mesh({1, 1, 1});
  TriangleMesh other = box_mesh({1, 1, 1}, {1, 1, 1});
  append(mesh, other);
  for (Face& f : mesh.faces) {
    for (auto& v : f) v = v == 8 ? 7 : v;
  }
  MeshReport r = check_mesh(mesh);
  EXPECT_EQ(r.non_manifold_vertices, 1);
  EXPECT_EQ(r.non_manifold_edges, 0);
  EXPECT_EQ(r.components, 2);
  EXPECT_EQ(r.unreferenced_vertices, 1);
  EXPECT_EQ(r.euler_number, 3);
  EXPECT_EQ(r.genus, 0);
  EXPECT_TRUE(r.watertight);
  EXPECT_FALSE(r.sound);

  // ... and two that share an edge: 6-7 of the first, 0-1 of the second.
  mesh = box_mesh({1, 1, 1});
  append(mesh, box_mesh({1, 1, 1}, {1, 1, 0}));
  for (Face& f : mesh.faces) {
    for (auto& v : f) v = v == 8 ? 6 : v == 9 ? 7 : v;
  }
  r = check_mesh(mesh);
  EXPECT_EQ(r.non_manifold_edges, 1);
  EXPECT_EQ(r.components, 1);
  EXPECT_FALSE(r.watertight);
}

TEST(Check, DegenerateDuplicateAndNonFinite) {
  TriangleMesh mesh = box_mesh({1, 1, 1});
  mesh.faces.push_back(mesh.faces[5]);
  mesh.faces.push_back({mesh.faces[5][1], mesh.faces[5][0], mesh.faces[5][2]});
  MeshReport r = check_mesh(mesh);
  EXPECT_EQ(r.duplicate_faces, 2);
  EXPECT_EQ(r.non_manifold_edges, 3);
  EXPECT_FALSE(r.sound);

  mesh = box_mesh({1, 1, 1});
  mesh.faces.push_back({4, 4, 5});
  r = check_mesh(mesh);
  EXPECT_EQ(r.degenerate_faces, 1);
  EXPECT_TRUE(r.watertight);
  EXPECT_FALSE(r.sound);

  mesh = box_mesh({1, 1, 1});
  mesh.positions.push_back({0.25f, 0, 0});  // on the edge 0-4: area exactly zero
  mesh.faces.push_back({0, 4, 8});
  r = check_mesh(mesh);
  EXPECT_EQ(r.degenerate_faces, 1);

  mesh = box_mesh({1, 1, 1});
  mesh.positions[3][1] = std::numeric_limits<float>::quiet_NaN();
  r = check_mesh(mesh);
  EXPECT_EQ(r.non_finite_vertices, 1);
  EXPECT_EQ(r.degenerate_faces, 0);
  EXPECT_TRUE(r.watertight);
  EXPECT_FALSE(r.sound);
}

TEST(Check, EmptyMeshIsNotSound) {
  const MeshReport r = check_mesh({});
  EXPECT_EQ(r.faces, 0);
  EXPECT_FALSE(r.watertight);
  EXPECT_FALSE(r.sound);
}

TEST(Check, BadIndexIsAnError) {
  TriangleMesh mesh = box_mesh({1, 1, 1});
  mesh.faces[4][2] = 8;
  try {
    check_mesh(mesh);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_EQ(error.message(), "[mesh] face 4: expected vertex indices below 8, got 8");
  }
}

TEST(Check, PiercedBoxesIntersectWhereTheyShould) {
  // A thin bar through two opposite sides of a box, well inside one of the two triangles of each:
  // its four walls of two triangles each go through both.
  TriangleMesh mesh = box_mesh({1, 1, 1});
  append(mesh, box_mesh({0.125f, 0.125f, 3}, {0.5f, 0.125f, -1}));
  const MeshReport r = check_mesh(mesh);
  EXPECT_TRUE(r.watertight);
  EXPECT_FALSE(r.sound);
  EXPECT_EQ(r.self_intersections, 16);

  // Side by side without a common vertex index, but sharing a wall exactly: coplanar overlap.
  mesh = box_mesh({1, 1, 1});
  append(mesh, box_mesh({1, 1, 1}, {1, 0.25f, 0}));
  EXPECT_GT(check_mesh(mesh).self_intersections, 0);

  mesh = box_mesh({1, 1, 1});
  append(mesh, box_mesh({1, 1, 1}, {1.0009765625f, 0, 0}));
  EXPECT_EQ(check_mesh(mesh).self_intersections, 0);
}

TEST(Check, SelfIntersectionsMatchBruteForce) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    TriangleMesh mesh = sphere_mesh(1, 3);
    std::mt19937_64 random(seed);
    for (Vec3& p : mesh.positions) {
      for (float& x : p) x += static_cast<float>(testing::uniform(random, -0.15, 0.15));
    }
    std::int64_t expected = 0;
    for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
      for (std::size_t g = 0; g < f; ++g) {
        expected += triangles_intersect(corners(mesh, f), corners(mesh, g));
      }
    }
    EXPECT_GT(expected, 0);
    EXPECT_EQ(check_mesh(mesh, {.threads = 2}).self_intersections, expected);
    EXPECT_EQ(check_mesh(mesh, {.self_intersections = false}).self_intersections, 0);
  }
}

// The claim behind the marching-cubes table, on whole meshes: sound, self-intersections included.
TEST(Check, MarchingCubesIsSound) {
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    SCOPED_TRACE(seed);
    const Grid grid(17 + static_cast<int>(seed % 13));
    const Field field = seed % 2 == 0
                            ? testing::noise_field(grid, seed, std::array{0, 1, 3}[seed % 3])
                            : sample_dense(grid, testing::sampler(testing::random_waves(seed, 20)));
    MarchingCubesOptions options;
    options.level = seed % 2 == 0 ? 0.4f : 0;
    const MeshReport r = check_mesh(marching_cubes(field, options), {.threads = 2});
    EXPECT_TRUE(r.sound);
    EXPECT_EQ(r.self_intersections, 0);
    EXPECT_GE(r.genus, 0);
  }
}

}  // namespace
}  // namespace sinter::mesh
