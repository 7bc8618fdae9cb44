#include "mesh/face_count.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "mesh/check.h"
#include "mesh/cleanup.h"
#include "mesh/compare.h"
#include "mesh/fields.h"
#include "mesh/least_faces.h"
#include "mesh/marching_cubes.h"
#include "mesh/refine.h"
#include "mesh/sample_dense.h"
#include "mesh/shapes.h"
#include "mesh/soundness.h"
#include "mesh/vector_math.h"
#include "sinter/error.h"

namespace sinter::mesh {
namespace {

using testing::append;
using testing::sphere_mesh;
using testing::torus_mesh;

constexpr std::int64_t kTargets[] = {100, 101, 500, 1000, 5000, 40000};

TriangleMesh field_mesh(const testing::Function& function, int resolution) {
  return marching_cubes(
      sample_dense(Grid(resolution), testing::sampler(testing::clamped(function, 0.06))), {});
}

/// `handles` rings in a row, each overlapping the next: a closed surface of that genus.
testing::Function rings(int handles) {
  return [handles](double x, double y, double z) {
    double distance = 10;
    const double step = 1.6 / handles;
    for (int n = 0; n < handles; ++n) {
      const double cx = x + 0.8 - step * (n + 0.5);
      const double ring = testing::norm(testing::norm(cx, y) - 0.55 * step, z) - 0.2 * step;
      distance = std::min(distance, ring);
    }
    return -distance;
  };
}

/// Brings copies of the mesh to every number of faces and checks that each is the same kind of
/// surface, closed, manifold, outward and uncut.
void expect_every_count(const TriangleMesh& full) {
  const MeshReport before = check_mesh(full);
  ASSERT_TRUE(before.sound);
  for (const std::int64_t target : kTargets) {
    SCOPED_TRACE(target);
    TriangleMesh mesh = full;
    const SimplifyResult result = set_face_count(mesh, {.target_faces = target});
    EXPECT_TRUE(result.reached_target);
    EXPECT_EQ(result.faces, static_cast<std::int64_t>(mesh.faces.size()));
    EXPECT_LE(result.faces, target);
    EXPECT_GE(static_cast<double>(result.faces), 0.99 * static_cast<double>(target));
    const MeshReport after = check_mesh(mesh);
    EXPECT_TRUE(after.sound);
    EXPECT_EQ(after.genus, before.genus);
    EXPECT_EQ(after.components, before.components);
    EXPECT_TRUE(testing::is_closed_and_oriented(mesh));
    EXPECT_TRUE(testing::has_single_fans(mesh));
  }
}

TEST(FaceCount, SpheresAndTori) {
  expect_every_count(sphere_mesh(1, 4, {0.1f, 3, -2}));
  expect_every_count(torus_mesh(1, 0.3, 61, 23));
  expect_every_count(torus_mesh(1, 0.02, 200, 8));
  expect_every_count(testing::box_mesh({1, 2, 3}));
}

TEST(FaceCount, UpToFiveHandles) {
  for (const int handles : {2, 3, 5}) {
    SCOPED_TRACE(handles);
    const TriangleMesh mesh = field_mesh(rings(handles), 48);
    ASSERT_EQ(check_mesh(mesh).genus, handles);
    expect_every_count(mesh);
  }
}

TEST(FaceCount, SeveralPieces) {
  TriangleMesh mesh = sphere_mesh(0.5, 4);
  append(mesh, sphere_mesh(0.02, 3, {2, 0, 0}));
  append(mesh, torus_mesh(1.4, 0.1, 40, 12));
  append(mesh, testing::box_mesh({1, 0.001f, 1}, {4, 0, 0}));
  expect_every_count(mesh);
}

TEST(FaceCount, ThinPlatesAndSlivers) {
  expect_every_count(testing::box_mesh({1, 1e-4f, 1}));
  expect_every_count(field_mesh(testing::random_sheet(3, 0.04), 40));
  expect_every_count(field_mesh(testing::random_balls(5, 9, 0.1, 0.4), 40));
}

TEST(FaceCount, SaysWhereTheShapeNeedsMore) {
  TriangleMesh mesh;
  for (int n = 0; n < 40; ++n) append(mesh, sphere_mesh(0.4, 1, {static_cast<float>(n), 0, 0}));
  const SimplifyResult result = set_face_count(mesh, {.target_faces = 100});
  EXPECT_FALSE(result.reached_target);
  EXPECT_EQ(result.faces, 160);  // forty tetrahedra
  EXPECT_TRUE(check_mesh(mesh).sound);
}

TEST(FaceCount, RefusesNumbersOutOfRange) {
  TriangleMesh mesh = sphere_mesh(1, 2);
  for (const std::int64_t target : {std::int64_t{-1}, std::int64_t{3}, kMostFaces + 1}) {
    EXPECT_THROW(set_face_count(mesh, {.target_faces = target}), Error);
  }
}

// ---- refinement ----

TEST(Refine, LeavesTheSurfaceWhereItIs) {
  const TriangleMesh full = field_mesh(testing::random_waves(1, 8), 20);
  TriangleMesh mesh = full;
  refine(mesh, 60000);
  EXPECT_EQ(mesh.faces.size(), 60000u);
  EXPECT_TRUE(check_mesh(mesh).sound);
  EXPECT_EQ(std::vector<Vec3>(
                mesh.positions.begin(),
                mesh.positions.begin() + static_cast<std::ptrdiff_t>(full.positions.size())),
            full.positions);
  const Comparison c = compare_meshes(mesh, full, {.normalize = false, .samples = 20000});
  EXPECT_LT(c.hausdorff, 1e-6);  // positions of about 1, rounded to fp32
  EXPECT_NEAR(c.area_ratio, 1, 1e-6);
}

TEST(Refine, CutsTheLongestEdgesFirst) {
  TriangleMesh mesh = testing::box_mesh({1, 1, 8});
  const auto longest = [&] {
    double most = 0;
    for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
      const Triangle t = corners(mesh, f);
      for (std::size_t i = 0; i < 3; ++i) {
        most = std::max(most, length(to_double(t[(i + 1) % 3]) - to_double(t[i])));
      }
    }
    return most;
  };
  double before = longest();
  for (const int faces : {24, 96, 384, 1536, 6144}) {
    refine(mesh, faces);
    EXPECT_EQ(static_cast<int>(mesh.faces.size()), faces);
    EXPECT_LT(longest(), before);
    before = longest();
  }
  // Equal triangles of that number would have sides of about 0.16.
  EXPECT_LT(before, 0.35);
  EXPECT_NEAR(signed_volume(mesh), 8, 1e-5);
}

TEST(Refine, OpenAndNonManifoldMeshes) {
  TriangleMesh open = {{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}}, {{0, 1, 2}}};
  EXPECT_EQ(refine(open, 101), 101);
  const MeshReport report = check_mesh(open);
  EXPECT_EQ(report.non_manifold_edges + report.non_manifold_vertices + report.inconsistent_edges,
            0);
  EXPECT_EQ(report.self_intersections, 0);
  EXPECT_EQ(report.euler_number, 1);
  EXPECT_NEAR(report.area, 0.5, 1e-6);
  // Three faces on one edge: that edge stays as it is.
  TriangleMesh fan = {{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}},
                      {{0, 1, 2}, {1, 0, 3}, {0, 1, 4}}};
  EXPECT_EQ(refine(fan, 200), 200);
  EXPECT_EQ(check_mesh(fan).non_manifold_edges, 1);
  // No room for another vertex.
  TriangleMesh tiny = {
      {{1, 1, 1}, {std::nextafter(1.0f, 2.0f), 1, 1}, {1, std::nextafter(1.0f, 2.0f), 1}},
      {{0, 1, 2}}};
  EXPECT_EQ(refine(tiny, 100), 1);
}

TEST(Refine, ReachesMillions) {
  TriangleMesh mesh = torus_mesh(1, 0.3, 20, 10);
  EXPECT_EQ(refine(mesh, 2'000'000), 2'000'000);
  EXPECT_TRUE(check_mesh(mesh, {.self_intersections = false}).watertight);
}

TEST(LeastFaces, IsTheSumOverThePieces) {
  // Vertices and faces of minimal triangulations: the tetrahedron, Csaszar's torus, ..., and for
  // six handles the complete graph of twelve vertices, whose 66 edges have 44 faces.
  const std::int64_t expected[] = {4, 14, 24, 28, 34, 40, 44};
  for (std::int64_t handles = 0; handles < 7; ++handles) {
    EXPECT_EQ(least_faces(handles), expected[handles]);
  }
  TriangleMesh mesh = sphere_mesh(1, 2);
  EXPECT_EQ(least_faces(mesh), 4);
  append(mesh, torus_mesh(5, 0.3, 20, 10));
  EXPECT_EQ(least_faces(mesh), 18);
  append(mesh, torus_mesh(9, 0.3, 20, 10));
  EXPECT_EQ(least_faces(mesh), 32);
  EXPECT_EQ(least_faces(field_mesh(rings(3), 40)), 28);
  mesh.faces.pop_back();
  EXPECT_EQ(least_faces(mesh), 0);
  EXPECT_EQ(least_faces(TriangleMesh{}), 0);
}

// Nothing is left to a mesh of few handles but to come near what its topology needs.
TEST(FaceCount, ManyHandlesInFewFaces) {
  for (const int handles : {1, 4, 7}) {
    SCOPED_TRACE(handles);
    TriangleMesh mesh = field_mesh(rings(handles), 48);
    const std::int64_t least = least_faces(mesh);
    const SimplifyResult result = set_face_count(mesh, {.target_faces = 4});
    EXPECT_FALSE(result.reached_target);
    EXPECT_GE(result.faces, least);
    EXPECT_LE(result.faces, 4 + 16 * handles);
    const MeshReport report = check_mesh(mesh);
    EXPECT_TRUE(report.sound);
    EXPECT_EQ(report.genus, handles);
  }
}

}  // namespace
}  // namespace sinter::mesh
