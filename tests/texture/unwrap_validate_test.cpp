#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "core/error.h"
#include "texture/unwrap/measure.h"
#include "texture/unwrap/validate.h"
#include "texture/unwrap_meshes.h"

namespace sinter::texture {
namespace {

/// Two squares of 8 x 8 texels, three texels apart, in an atlas of 64: each its own chart.
struct Sample {
  mesh::TriangleMesh mesh;
  UnwrapResult result;

  Sample() {
    mesh.positions = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}};
    mesh.faces = {{0, 1, 2}, {0, 2, 3}, {0, 1, 2}, {0, 2, 3}};
    result.source = {0, 1, 2, 3, 0, 1, 2, 3};
    result.faces = {{0, 1, 2}, {0, 2, 3}, {4, 5, 6}, {4, 6, 7}};
    result.chart = {0, 0, 1, 1};
    for (const float x : {8.0f, 19.0f}) {
      result.uv.push_back({x / 64, 8.0f / 64});
      result.uv.push_back({(x + 8) / 64, 8.0f / 64});
      result.uv.push_back({(x + 8) / 64, 16.0f / 64});
      result.uv.push_back({x / 64, 16.0f / 64});
    }
  }
  UnwrapCheck check(int gutter = 3) const { return check_unwrap(mesh, result, 64, gutter); }
};

TEST(UnwrapCheck, AcceptsTouchingFacesAndChartsApart) {
  EXPECT_EQ(Sample().check(), UnwrapCheck());
}

TEST(UnwrapCheck, FindsAGutterOneTexelShort) {
  const UnwrapCheck check = Sample().check(4);
  EXPECT_GT(check.crowded_texels, 0);
  EXPECT_EQ(check.shared_texels, 0);
  EXPECT_FALSE(check.valid());
}

TEST(UnwrapCheck, FindsChartsThatTouchOneTexel) {
  Sample sample;
  for (std::size_t v = 4; v < 8; ++v) sample.result.uv[v][0] -= 3.5f / 64;
  const UnwrapCheck check = sample.check(0);
  EXPECT_EQ(check.shared_texels, 8);
  EXPECT_FALSE(check.valid());
}

TEST(UnwrapCheck, FindsAMirroredFace) {
  Sample sample;
  sample.result.uv[3] = {17.0f / 64, 9.0f / 64};  // across the diagonal
  const UnwrapCheck check = sample.check();
  EXPECT_EQ(check.flipped_faces, 1);
  EXPECT_FALSE(check.valid());
}

TEST(UnwrapCheck, FindsAMirroredChart) {
  Sample sample;
  std::swap(sample.result.uv[4], sample.result.uv[5]);
  std::swap(sample.result.uv[6], sample.result.uv[7]);
  EXPECT_EQ(sample.check().flipped_faces, 2);
}

TEST(UnwrapCheck, FindsAnOverlapInsideAChart) {
  Sample sample;
  // the second square belongs to the first's chart and lies half over it
  sample.result.chart = {0, 0, 0, 0};
  for (std::size_t v = 4; v < 8; ++v) sample.result.uv[v][0] -= 7.0f / 64;
  const UnwrapCheck check = sample.check();
  EXPECT_EQ(check.covered_twice, 4 * 4 * 8);  // four points in each of 4 x 8 texels
  EXPECT_EQ(check.flipped_faces, 0);
  EXPECT_FALSE(check.valid());
}

TEST(UnwrapCheck, FindsCoordinatesOutOfRange) {
  for (const float bad : {-0.01f, 1.01f, std::numeric_limits<float>::quiet_NaN()}) {
    Sample sample;
    sample.result.uv[5][1] = bad;
    EXPECT_EQ(sample.check().out_of_range, 1);
    EXPECT_FALSE(sample.check().valid());
  }
}

TEST(UnwrapCheck, FindsCornersOfOtherVertices) {
  Sample sample;
  sample.result.source[6] = 3;
  EXPECT_EQ(sample.check().wrong_corners, 2);
  sample = {};
  sample.result.faces[1][2] = 99;
  EXPECT_EQ(sample.check().wrong_corners, 1);
  EXPECT_FALSE(sample.check().valid());
}

TEST(UnwrapCheck, RefusesArraysOfOtherSizes) {
  Sample sample;
  sample.result.chart.pop_back();
  EXPECT_THROW(sample.check(), Error);
  sample = {};
  sample.result.uv.pop_back();
  EXPECT_THROW(sample.check(), Error);
}

TEST(AtlasMeasure, MatchesClosedForms) {
  Sample sample;
  // the second square twice as wide as high: singular values of the map to the surface 1/16 and 1/8
  for (const std::size_t v : {5u, 6u}) sample.result.uv[v][0] += 8.0f / 64;
  const AtlasMeasure measure = measure_atlas(sample.mesh, sample.result, 64, 64);
  EXPECT_NEAR(measure.use, (64.0 + 128) / 4096, 1e-12);
  const double texels_per_area = (64.0 + 128) / 2;
  const double energy = (1.0 / 64 + (1.0 / 64 + 1.0 / 256) / 2) / 2;
  EXPECT_NEAR(measure.stretch_l2, std::sqrt(energy * texels_per_area), 1e-7);
  EXPECT_NEAR(measure.stretch_linf, std::sqrt(texels_per_area) / 8, 1e-7);
  EXPECT_EQ(measure.flipped_faces, 0);
}

TEST(AtlasMeasure, ShearAndOtherSidesOfTheAtlas) {
  mesh::TriangleMesh mesh;
  mesh.positions = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}};
  mesh.faces = {{0, 1, 2}};
  UnwrapResult result;
  result.source = {0, 1, 2};
  result.faces = {{0, 1, 2}};
  result.chart = {0};
  // in texels (100 x 50): (10, 10), (20, 10), (20, 20): the map to the surface is a shear / 10,
  // (x, y) -> (x - y, y), with squared singular values (3 +- sqrt 5) / 2
  result.uv = {{0.1f, 0.2f}, {0.2f, 0.2f}, {0.2f, 0.4f}};
  const AtlasMeasure measure = measure_atlas(mesh, result, 100, 50);
  EXPECT_NEAR(measure.use, 50.0 / 5000, 1e-8);
  EXPECT_NEAR(measure.stretch_l2, std::sqrt(1.5), 1e-5);
  EXPECT_NEAR(measure.stretch_linf, std::sqrt((3 + std::sqrt(5.0)) / 2), 1e-5);
}

TEST(AtlasMeasure, MirroredChartsWhereTheyAreAllowed) {
  Sample sample;
  for (std::size_t v = 4; v < 8; ++v) sample.result.uv[v][0] = 1 - sample.result.uv[v][0];
  EXPECT_EQ(measure_atlas(sample.mesh, sample.result, 64, 64, false).flipped_faces, 2);
  const AtlasMeasure measure = measure_atlas(sample.mesh, sample.result, 64, 64, true);
  EXPECT_EQ(measure.flipped_faces, 0);
  EXPECT_NEAR(measure.stretch_l2, 1, 1e-6);
}

}  // namespace
}  // namespace sinter::texture
