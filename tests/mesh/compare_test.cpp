#include "mesh/compare.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include "mesh/cleanup.h"
#include "mesh/fields.h"
#include "mesh/shapes.h"
#include "mesh/surface_samples.h"
#include "mesh/volume_overlap.h"
#include "sinter/error.h"

namespace sinter::mesh {
namespace {

using testing::append;
using testing::box_mesh;
using testing::sphere_mesh;
using testing::torus_mesh;

CompareOptions plain() {
  CompareOptions options;
  options.normalize = false;
  options.samples = 20000;
  options.threads = 2;
  return options;
}

TEST(Compare, EqualMeshesAreAtDistanceZero) {
  const TriangleMesh mesh = torus_mesh(1, 0.3, 60, 40);
  const Comparison c = compare_meshes(mesh, mesh, {.samples = 20000, .threads = 2});
  EXPECT_LT(c.hausdorff, 1e-14);  // samples are points on the surface up to float64 rounding
  EXPECT_EQ(c.f_score, (std::vector<double>{1, 1, 1, 1}));
  EXPECT_GT(c.normal_consistency, 0.995);  // a sample near an edge may find the face beside
  EXPECT_DOUBLE_EQ(c.volume_iou, 1);
  EXPECT_EQ(c.face_ratio, 1);
  EXPECT_EQ(c.volume_ratio, 1);
  EXPECT_EQ(c.mesh.genus, 1);
  EXPECT_EQ(c.reference.genus, 1);
  EXPECT_TRUE(c.mesh.watertight);
}

// Every point of one sphere is 0.1 away from the other.
TEST(Compare, ConcentricSpheres) {
  const TriangleMesh outer = sphere_mesh(0.6, 6), inner = sphere_mesh(0.5, 6);
  CompareOptions options = plain();
  options.distances = {0.09, 0.11};
  const Comparison c = compare_meshes(outer, inner, options);
  // The polyhedra are inside their spheres by at most 2e-4.
  EXPECT_NEAR(c.forward.mean, 0.1, 3e-4);
  EXPECT_NEAR(c.backward.mean, 0.1, 3e-4);
  EXPECT_NEAR(c.chamfer, 0.1, 3e-4);
  EXPECT_NEAR(c.forward.p99, 0.1, 3e-4);
  EXPECT_NEAR(c.hausdorff, 0.1, 3e-4);
  EXPECT_EQ(c.f_score, (std::vector<double>{0, 1}));
  EXPECT_GT(c.normal_consistency, 0.999);
  EXPECT_NEAR(c.volume_ratio, 1.728, 1e-6);
  EXPECT_NEAR(c.area_ratio, 1.44, 1e-6);
  EXPECT_NEAR(c.volume_iou, 1 / 1.728, 2e-3);
}

// A square of side 2 against the same square with a bump of known height: precision and recall
// differ, and the maximum is the bump.
TEST(Compare, OneSidedDifferences) {
  TriangleMesh flat, bumped;
  flat.positions = {{-1, -1, 0}, {1, -1, 0}, {1, 1, 0}, {-1, 1, 0}};
  flat.faces = {{0, 1, 2}, {0, 2, 3}};
  bumped = flat;
  TriangleMesh lid = flat;
  for (Vec3& p : lid.positions) p = {p[0] * 0.5f, p[1] * 0.5f, 0.25f};
  append(bumped, lid);  // a quarter of the flat area, 0.25 above it
  CompareOptions options = plain();
  options.distances = {0.1};
  options.samples = 200000;
  const Comparison c = compare_meshes(bumped, flat, options);
  EXPECT_NEAR(c.precision[0], 0.8, 1e-4);  // stratified samples: off by one stratum
  EXPECT_EQ(c.recall[0], 1);
  EXPECT_NEAR(c.f_score[0], 2 * 0.8 / 1.8, 1e-4);
  EXPECT_NEAR(c.forward.mean, 0.05, 1e-4);
  EXPECT_NEAR(c.forward.p99, 0.25, 1e-7);
  EXPECT_NEAR(c.forward.max, 0.25, 1e-7);
  EXPECT_LT(c.backward.max, 1e-15);
  EXPECT_EQ(c.hausdorff, c.forward.max);
  EXPECT_EQ(c.normal_consistency, 1);
  EXPECT_EQ(c.volume_iou, -1);
  EXPECT_FALSE(c.mesh.watertight);
  EXPECT_EQ(c.mesh.components, 2);
  EXPECT_NEAR(c.area_ratio, 1.25, 1e-7);
}

TEST(Compare, NormalsAtAnAngle) {
  TriangleMesh a, b;
  a.positions = {{0, 0, 0}, {1e-3f, 0, 0}, {0, 1e-3f, 0}};
  b.positions = {{-5, -5, -5 * std::tan(0.5f)}, {5, -5, 5 * std::tan(0.5f)}, {0, 9, 0}};
  a.faces = b.faces = {{0, 1, 2}};
  EXPECT_NEAR(compare_meshes(a, b, plain()).normal_consistency, std::cos(0.5), 1e-6);
}

TEST(Compare, ReferenceNormalisationIsOneMapForBoth) {
  TriangleMesh a = sphere_mesh(0.6, 4), b = sphere_mesh(0.5, 4);
  CompareOptions options = plain();
  const Comparison before = compare_meshes(a, b, options);
  for (TriangleMesh* mesh : {&a, &b}) {
    for (Vec3& p : mesh->positions) {
      p = {40 + 10 * p[0], -70 + 10 * p[1], 5 + 10 * p[2]};
    }
  }
  options.normalize = true;
  const Comparison after = compare_meshes(a, b, options);
  // Reference diameter 1 became 2.
  EXPECT_NEAR(after.chamfer, 2 * before.chamfer, 1e-5);
  EXPECT_NEAR(after.hausdorff, 2 * before.hausdorff, 1e-5);
  EXPECT_NEAR(after.reference.volume, 8 * before.reference.volume, 1e-4);
  EXPECT_NEAR(after.volume_iou, before.volume_iou, 1e-5);
}

TEST(Compare, SmallComponentsAreLeftOut) {
  TriangleMesh mesh = sphere_mesh(1, 4);
  append(mesh, sphere_mesh(0.03, 2, {2, 0, 0}));  // 0.09 % of the area
  append(mesh, sphere_mesh(0.04, 2, {3, 0, 0}));  // 0.16 %
  EXPECT_EQ(compare_meshes(mesh, sphere_mesh(1, 3), plain()).mesh.components, 2);
}

TEST(Compare, SameBytesForAnyNumberOfThreads) {
  const TriangleMesh a = torus_mesh(1, 0.3, 50, 30), b = torus_mesh(1.02, 0.28, 70, 40);
  CompareOptions options = plain();
  options.threads = 1;
  const Comparison one = compare_meshes(a, b, options);
  options.threads = 5;
  const Comparison five = compare_meshes(a, b, options);
  EXPECT_EQ(one.chamfer, five.chamfer);
  EXPECT_EQ(one.forward.p99, five.forward.p99);
  EXPECT_EQ(one.normal_consistency, five.normal_consistency);
  EXPECT_EQ(one.volume_iou, five.volume_iou);
  options.seed = 7;
  EXPECT_NE(compare_meshes(a, b, options).chamfer, one.chamfer);
  EXPECT_NEAR(compare_meshes(a, b, options).chamfer, one.chamfer, 0.01 * one.chamfer);
}

TEST(Compare, UnusableMeshesAreErrors) {
  const TriangleMesh good = box_mesh({1, 1, 1});
  const auto expect_error = [&](const TriangleMesh& a, const TriangleMesh& b, const char* text) {
    try {
      compare_meshes(a, b, plain());
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      EXPECT_NE(error.message().find(text), std::string::npos) << error.message();
    }
  };
  expect_error({}, good, "[compare] mesh: expected at least one face");
  expect_error(good, {}, "[compare] reference: expected at least one face");
  TriangleMesh bad = good;
  bad.positions[2][0] = std::numeric_limits<float>::infinity();
  expect_error(good, bad, "[compare] reference: expected finite positions");
  bad = good;
  bad.faces[3][0] = 99;
  expect_error(bad, good, "[compare] mesh: expected vertex indices below 8, got 99");
  bad = good;
  for (Vec3& p : bad.positions) p[2] = p[1] = 0;
  expect_error(bad, good, "positive, finite area");
  CompareOptions options = plain();
  options.samples = 10;
  EXPECT_THROW(compare_meshes(good, good, options), Error);
}

TEST(SurfaceSamples, AreSpreadByArea) {
  // Two triangles, areas 1 : 3, and one without area.
  TriangleMesh mesh;
  mesh.positions = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {5, 0, 0}, {8, 0, 0}, {5, 1, 0}};
  mesh.faces = {{0, 1, 2}, {0, 0, 1}, {3, 4, 5}};
  const auto samples = sample_surface(mesh, 40000, 3, 2);
  std::int64_t small = 0;
  Vec3d mean{};
  for (const SurfaceSample& s : samples) {
    EXPECT_NE(s.face, 1u);
    if (s.face != 0) continue;
    ++small;
    mean = mean + s.position;
    EXPECT_GE(s.position[0], 0);
    EXPECT_GE(s.position[1], 0);
    EXPECT_LE(s.position[0] + s.position[1], 1 + 1e-12);
  }
  EXPECT_EQ(small, 10000);
  // Uniform in the triangle: mean at the centroid, standard error 0.236 / 100.
  EXPECT_NEAR(mean[0] / 10000, 1.0 / 3, 0.012);
  EXPECT_NEAR(mean[1] / 10000, 1.0 / 3, 0.012);
}

TEST(VolumeIou, BoxesWithKnownOverlap) {
  const TriangleMesh a = box_mesh({1, 1, 1});
  // Lines hit the seams between triangles and the walls' edges all the time here.
  for (const int resolution : {4, 16, 63, 128}) {
    EXPECT_DOUBLE_EQ(volume_iou(a, a, resolution), 1);
    EXPECT_NEAR(volume_iou(a, box_mesh({1, 1, 0.5f}), resolution), 0.5, 1e-12);
    EXPECT_NEAR(volume_iou(a, box_mesh({1, 1, 1}, {0, 0, 0.25f}), resolution), 0.6, 1e-12);
  }
  // Sideways the lines decide: 1/2 against 3/2 up to one column in 128 * 1.5.
  EXPECT_NEAR(volume_iou(a, box_mesh({1, 1, 1}, {0.5f, 0, 0}), 128), 1.0 / 3, 0.01);
  EXPECT_EQ(volume_iou(a, box_mesh({1, 1, 1}, {0, 0, 5}), 32), 0);
}

// A field on a grid gives vertices whose x and y coincide with each other and with lines.
TEST(VolumeIou, LinesThroughVerticesAndEdgesStayClosed) {
  TriangleMesh mesh = sphere_mesh(1, 3);
  for (Vec3& p : mesh.positions) {
    for (float& x : p) x = std::round(x * 8) / 8;
  }
  remove_degenerate(mesh);
  const double volume = signed_volume(mesh);
  // The integral along the lines against the volume by the divergence theorem.
  const double with_double = volume_iou(mesh, box_mesh({2, 2, 2}, {-1, -1, -1}), 256);
  EXPECT_NEAR(with_double, volume / 8, 2e-3);
}

}  // namespace
}  // namespace sinter::mesh
