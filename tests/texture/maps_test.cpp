#include "texture/maps/maps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <thread>

#include "core/error.h"
#include "mesh/vector_math.h"
#include "texture/reference_raster.h"
#include "texture/test_meshes.h"

namespace sinter::texture {
namespace {

using mesh::Vec3;

ViewMaps maps_of(const mesh::TriangleMesh& mesh, const ViewCamera& camera, int size) {
  const ViewMesh view = prepare_view_mesh(mesh);
  const std::vector<Vec3> normals = mean_normals(view.positions, view.faces, 2);
  RasterCache cache(0);
  return make_maps(view, normals, camera, *cache.get(view, camera, size, size, 2), 2);
}

std::array<int, 3> rgb(const Image& image, int x, int y) {
  const std::uint8_t* p = image.at(x, y);
  return {p[0], p[1], p[2]};
}

/// By view: which way the camera, the columns and the rows of its picture point in mesh axes.
struct Attitude {
  Vec3 camera, column, row;
};
constexpr Attitude kAttitudes[6] = {
    {{0, 0, 1}, {1, 0, 0}, {0, -1, 0}},
    {{1, 0, 0}, {0, 0, -1}, {0, -1, 0}},
    {{0, 0, -1}, {-1, 0, 0}, {0, -1, 0}},
    {{-1, 0, 0}, {0, 0, 1}, {0, -1, 0}},
    {{0, 1, 0}, {1, 0, 0}, {0, 0, 1}},
    {{0, -1, 0}, {-1, 0, 0}, {0, 0, 1}},
};

float along(const Vec3& a, const Vec3& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

TEST(ViewCamera, SixViewsStandAsTheTableSays) {
  const std::vector<ViewCamera> cameras = default_cameras();
  ASSERT_EQ(cameras.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    const CameraMatrices matrices = camera_matrices(cameras[i]);
    const Attitude& expected = kAttitudes[i];
    // A step of 0.1 along an axis moves a point by 0.1 * 2 / 1.2 on the picture.
    const auto clip = [&](const Vec3& p) {
      return matrices.to_clip(matrices.to_camera(mirrored(p)));
    };
    for (const Vec3 step : {Vec3{0.1f, 0, 0}, Vec3{0, 0.1f, 0}, Vec3{0, 0, 0.1f}}) {
      const ClipVertex moved = clip(step);
      EXPECT_NEAR(moved.x, along(step, expected.column) / 0.6f, 1e-6) << i;
      EXPECT_NEAR(moved.y, along(step, expected.row) / 0.6f, 1e-6) << i;
      // Towards the camera is less deep.
      EXPECT_NEAR(moved.z,
                  (2 * (1.45 - static_cast<double>(along(step, expected.camera))) - 100.1) / 99.9,
                  1e-6)
          << i;
      EXPECT_EQ(moved.w, 1.0f);
    }
  }
}

/// The camera as the reference builds it, by cross products in float64.
TEST(ViewCamera, IsTheLookAtMatrixOfItsPlace) {
  for (const auto& [azimuth, elevation, distance] : {std::array{33.0, 20.0, 1.45},
                                                     std::array{-200.0, -75.0, 2.0},
                                                     std::array{300.0, 89.0, 1.0}}) {
    const double e = -elevation * std::numbers::pi / 180;
    const double a = (azimuth + 90) * std::numbers::pi / 180;
    const mesh::Vec3d place = {distance * std::cos(e) * std::cos(a),
                               distance * std::cos(e) * std::sin(a),
                               distance * std::sin(e)};
    const auto unit = [](const mesh::Vec3d& v) {
      const double n = mesh::length(v);
      return mesh::Vec3d{v[0] / n, v[1] / n, v[2] / n};
    };
    const mesh::Vec3d look = unit({-place[0], -place[1], -place[2]});
    const mesh::Vec3d right = unit(mesh::cross(look, {0, 0, 1}));
    const mesh::Vec3d up = unit(mesh::cross(right, look));
    const CameraMatrices matrices =
        camera_matrices({.azimuth = azimuth, .elevation = elevation, .distance = distance});
    const mesh::Vec3d rows[3] = {right, up, {-look[0], -look[1], -look[2]}};
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(matrices.view[i][c], rows[i][c], 1e-7);
      EXPECT_NEAR(matrices.view[i][3], -mesh::dot(rows[i], place), 2e-7);
    }
  }
}

TEST(ViewCamera, DepthStepsAreThoseOfTheReference) {
  const CameraMatrices matrices = camera_matrices({});
  for (const auto& [distance, step] :
       {std::pair{0.875f, 2036}, std::pair{1.45f, 3545}, std::pair{2.025f, 5053}}) {
    const ClipVertex clip = matrices.to_clip({0, 0, -distance});
    EXPECT_EQ(static_cast<int>((clip.z / clip.w * 0.49999f + 0.5f) * 262144.0f), step);
  }
}

TEST(ViewCamera, PerspectiveShowsTheNearLarger) {
  const ViewCamera camera{.perspective = true, .distance = 2, .field_of_view = 60};
  const CameraMatrices matrices = camera_matrices(camera);
  const double half = std::tan(std::numbers::pi / 6);
  for (const float depth : {0.5f, 2.0f}) {
    const ClipVertex clip = matrices.to_clip({0.25f, -0.125f, -depth});
    EXPECT_NEAR(clip.x / clip.w, 0.25 / (half * static_cast<double>(depth)), 1e-6);
    EXPECT_NEAR(clip.y / clip.w, -0.125 / (half * static_cast<double>(depth)), 1e-6);
  }
  EXPECT_NEAR(matrices.to_clip({0, 0, -0.1f}).z / 0.1f, -1, 1e-5);
  EXPECT_NEAR(matrices.to_clip({0, 0, -100}).z / 100, 1, 1e-5);
}

TEST(ViewCamera, RefusesValuesOutOfRange) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (const ViewCamera& camera : {ViewCamera{.azimuth = kNan},
                                   ViewCamera{.elevation = 91},
                                   ViewCamera{.distance = 0.1},
                                   ViewCamera{.scale = 0},
                                   ViewCamera{.field_of_view = 180},
                                   ViewCamera{.near_plane = 0},
                                   ViewCamera{.near_plane = 2, .far_plane = 2},
                                   ViewCamera{.weight = -1}}) {
    EXPECT_THROW(check_camera(camera, 0), Error);
  }
  for (const ViewCamera& camera : default_cameras()) EXPECT_NO_THROW(check_camera(camera, 0));
}

TEST(Maps, AxisFacesHaveTheirColours) {
  // A cube with corners of its own on every side, so that normals are the axes.
  const mesh::TriangleMesh cube = test::cut_apart(test::box({1, 1, 1}, {4, -2, 7}));
  const std::array<int, 3> colours[6] = {{127, 0, 127},
                                         {255, 127, 127},
                                         {127, 255, 127},
                                         {0, 127, 127},
                                         {127, 127, 255},
                                         {127, 127, 0}};
  const std::vector<ViewCamera> cameras = default_cameras();
  for (std::size_t i = 0; i < 6; ++i) {
    const ViewMaps maps = maps_of(cube, cameras[i], 101);
    EXPECT_EQ(rgb(maps.normal, 50, 50), colours[i]) << i;
    EXPECT_EQ(rgb(maps.normal, 0, 0), (std::array<int, 3>{255, 255, 255}));
    EXPECT_EQ(rgb(maps.position, 0, 0), (std::array<int, 3>{255, 255, 255}));
    EXPECT_EQ(*maps.mask.at(50, 50), 255);
    EXPECT_EQ(*maps.mask.at(0, 0), 0);
    EXPECT_EQ(*maps.depth.at(50, 50), 255);
    EXPECT_EQ(*maps.depth.at(0, 0), 0);
    // The cube's half diagonal is 0.575.
    EXPECT_NEAR(maps.nearest, 1.45 - 0.575 / std::sqrt(3), 1e-6);
    EXPECT_NEAR(maps.farthest, maps.nearest, 1e-6);
    EXPECT_EQ(maps.covered_pixels,
              std::count(maps.mask.pixels.begin(), maps.mask.pixels.end(), 255));
    // Side 2 * 0.575 / sqrt(3) of a picture of 1.2 on which pixels are 1.2 / 100 apart: 55.3
    // pixels.
    EXPECT_EQ(maps.covered_pixels, 55 * 55) << i;
  }
}

TEST(Maps, PositionsAreTheClosedForm) {
  mesh::TriangleMesh ball = test::ball(40);
  for (Vec3& p : ball.positions) p = {3 + 2 * p[0], -1 + 1.5f * p[1], 0.5f + p[2]};
  const std::vector<ViewCamera> cameras = default_cameras();
  constexpr int kSize = 151;
  for (std::size_t i = 0; i < 6; ++i) {
    const ViewMaps maps = maps_of(ball, cameras[i], kSize);
    std::int64_t checked = 0;
    for (int y = 0; y < kSize; y += 7) {
      for (int x = 0; x < kSize; x += 7) {
        if (*maps.mask.at(x, y) == 0) continue;
        ++checked;
        // Back from the colour to the place: R = 0.5 + dx / (2 R), ... with R = 2.
        const auto [r, g, b] = rgb(maps.position, x, y);
        const Vec3 d = {(static_cast<float>(r) / 255 - 0.5f) * 4,
                        (static_cast<float>(b) / 255 - 0.5f) * 4,
                        (0.5f - static_cast<float>(g) / 255) * 4};
        // A level is 4 / 255 units; columns and rows are where the camera puts that place.
        const float scale = 0.575f / 2 / 0.6f * (kSize - 1) / 2;
        EXPECT_NEAR(along(d, kAttitudes[i].column) * scale, static_cast<float>(x) - 75, 0.6);
        EXPECT_NEAR(along(d, kAttitudes[i].row) * scale, static_cast<float>(y) - 75, 0.6);
        EXPECT_GT(along(d, kAttitudes[i].camera), -0.02f);  // the near side
      }
    }
    EXPECT_GT(checked, 30) << i;
  }
}

/// Whole maps against the slow rasteriser and formulas in mesh axes, in float64.
TEST(Maps, AreTheSlowFormulas) {
  mesh::TriangleMesh mesh =
      test::joined(test::ball(9), test::box({0.7f, 0.2f, 0.4f}, {1, 0.4f, 0}));
  constexpr int kWidth = 127;
  const ViewCamera camera{.azimuth = 35, .elevation = 25, .perspective = true, .distance = 1.8};
  const ViewMesh view = prepare_view_mesh(mesh);
  const CameraMatrices matrices = camera_matrices(camera);
  const auto expected =
      test::ReferenceRasterizer(kWidth, kWidth).draw(project_vertices(view, matrices), mesh.faces);
  // Outward normals in mesh axes.
  std::vector<mesh::Vec3d> normals(mesh.positions.size(), mesh::Vec3d{});
  using mesh::operator+;
  using mesh::operator*;
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    const mesh::Vec3d n = mesh::area_normal(mesh::corners(mesh, f));
    for (const std::uint32_t v : mesh.faces[f]) normals[v] = normals[v] + n * (1 / mesh::length(n));
  }
  for (mesh::Vec3d& n : normals) n = n * (1 / mesh::length(n));
  const ViewMaps maps = maps_of(mesh, camera, kWidth);
  for (std::size_t i = 0; i < expected.face.size(); ++i) {
    const int x = static_cast<int>(i) % kWidth, y = static_cast<int>(i) / kWidth;
    ASSERT_EQ(*maps.mask.at(x, y) != 0, expected.face[i] != 0);
    if (expected.face[i] == 0) continue;
    mesh::Vec3d n{};
    for (std::size_t k = 0; k < 3; ++k) {
      n = n + normals[mesh.faces[static_cast<std::size_t>(expected.face[i] - 1)][k]] *
                  static_cast<double>(expected.weights[i][k]);
    }
    const double values[3] = {(1 + n[0]) / 2, (1 - n[2]) / 2, (1 + n[1]) / 2};
    for (std::size_t c = 0; c < 3; ++c) {
      // fp32 against float64: another level only where 255 v is within a rounding of an integer.
      EXPECT_NEAR(maps.normal.at(x, y)[c] + 0.5, 255 * values[c], 0.5 + 1e-3);
    }
  }
}

TEST(Maps, DependOnNoThreadCount) {
  const ViewMesh view = prepare_view_mesh(test::ball(30));
  const ViewCamera camera{.azimuth = 10, .elevation = 40};
  const auto run = [&](int threads) {
    RasterCache cache(0);
    return make_maps(view,
                     mean_normals(view.positions, view.faces, threads),
                     camera,
                     *cache.get(view, camera, 200, 200, threads),
                     threads);
  };
  const ViewMaps one = run(1);
  for (const int threads : {2, 5}) {
    const ViewMaps other = run(threads);
    EXPECT_EQ(other.normal.pixels, one.normal.pixels);
    EXPECT_EQ(other.position.pixels, one.position.pixels);
    EXPECT_EQ(other.depth.pixels, one.depth.pixels);
    EXPECT_EQ(other.nearest, one.nearest);
  }
}

TEST(Maps, AnEmptyViewIsWhiteAndNotAnError) {
  // From so close that the whole mesh is beside the picture of a thousandth.
  mesh::TriangleMesh two = test::joined(test::box({0.1f, 0.1f, 0.1f}, {-1, 0, 0}),
                                        test::box({0.1f, 0.1f, 0.1f}, {1, 0, 0}));
  const ViewMaps maps = maps_of(two, {.scale = 0.01}, 33);
  EXPECT_EQ(maps.covered_pixels, 0);
  EXPECT_EQ(maps.nearest, 0);
  EXPECT_EQ(std::count(maps.normal.pixels.begin(), maps.normal.pixels.end(), 255), 33 * 33 * 3);
}

TEST(ViewMesh, RefusesWhatCannotBeScaled) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(prepare_view_mesh({}), Error);
  EXPECT_THROW(prepare_view_mesh({{{0, 0, 0}}, {{0, 0, 0}}}), Error);
  EXPECT_THROW(prepare_view_mesh({{{0, 0, 0}, {1, 0, 0}, {0, kNan, 0}}, {{0, 1, 2}}}), Error);
  EXPECT_THROW(prepare_view_mesh({{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}}, {{0, 1, 3}}}), Error);
  EXPECT_THROW(prepare_view_mesh({{{-3e38f, 0, 0}, {3e38f, 0, 0}, {0, 1, 0}}, {{0, 1, 2}}}), Error);
}

TEST(RasterCache, MakesEachViewOnce) {
  const ViewMesh view = prepare_view_mesh(test::ball(12));
  RasterCache cache(64u << 20);
  std::vector<std::shared_ptr<const FaceRaster>> first;
  for (const ViewCamera& camera : default_cameras()) {
    first.push_back(cache.get(view, camera, 64, 64, 1));
  }
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < 6; ++i) {
      ViewCamera camera = default_cameras()[i];
      camera.weight = 7;  // no part of what is seen
      EXPECT_EQ(cache.get(view, camera, 64, 64, 2), first[i]);
    }
  }
  EXPECT_EQ(cache.stats().made, 6);
  EXPECT_EQ(cache.stats().reused, 12);
}

TEST(RasterCache, AnythingElseIsAnotherRaster) {
  mesh::TriangleMesh mesh = test::ball(12);
  RasterCache cache(64u << 20);
  const auto first = cache.get(prepare_view_mesh(mesh), {}, 64, 64, 1);
  EXPECT_NE(cache.get(prepare_view_mesh(mesh), {}, 64, 65, 1), first);
  EXPECT_NE(cache.get(prepare_view_mesh(mesh), {.azimuth = 1e-9}, 64, 64, 1), first);
  EXPECT_NE(cache.get(prepare_view_mesh(mesh), {.perspective = true}, 64, 64, 1), first);
  EXPECT_EQ(cache.get(prepare_view_mesh(mesh), {}, 64, 64, 1), first);
  // A vertex that moved a little, and two faces that changed places.
  mesh::TriangleMesh moved = mesh;
  moved.positions[20][1] += 1e-6f;
  EXPECT_NE(cache.get(prepare_view_mesh(moved), {}, 64, 64, 1), first);
  std::swap(mesh.faces[3], mesh.faces[4]);
  EXPECT_NE(cache.get(prepare_view_mesh(mesh), {}, 64, 64, 1), first);
}

TEST(RasterCache, KeepsToItsBound) {
  const ViewMesh view = prepare_view_mesh(test::ball(12));
  const std::size_t one = RasterCache(1u << 30).get(view, {}, 64, 64, 1)->bytes();
  RasterCache cache(3 * one);
  for (int i = 0; i < 10; ++i) {
    cache.get(view, {.azimuth = static_cast<double>(i)}, 64, 64, 1);
    EXPECT_LE(cache.stats().bytes, 3 * one);
  }
  // The last three are there, the one before is not.
  for (const double azimuth : {9.0, 8.0, 7.0}) cache.get(view, {.azimuth = azimuth}, 64, 64, 1);
  EXPECT_EQ(cache.stats().made, 10);
  cache.get(view, {.azimuth = 6}, 64, 64, 1);
  EXPECT_EQ(cache.stats().made, 11);
  // Too large to keep is handed out all the same.
  RasterCache none(0);
  EXPECT_EQ(none.get(view, {}, 64, 64, 1)->width, 64);
  EXPECT_EQ(none.stats().bytes, 0u);
}

TEST(RasterCache, OneThreadMakesWhatSeveralAskFor) {
  const ViewMesh view = prepare_view_mesh(test::ball(40));
  RasterCache cache(64u << 20);
  std::vector<std::shared_ptr<const FaceRaster>> seen(24);
  std::vector<std::thread> askers;
  for (std::size_t t = 0; t < 4; ++t) {
    askers.emplace_back([&, t] {
      for (std::size_t i = 0; i < 6; ++i) {
        seen[6 * t + i] = cache.get(view, default_cameras()[(i + t) % 6], 128, 128, 1);
      }
    });
  }
  for (std::thread& asker : askers) asker.join();
  EXPECT_EQ(cache.stats().made, 6);
  for (std::size_t t = 0; t < 4; ++t) {
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(seen[6 * t + i], seen[(i + t) % 6]);
  }
}

}  // namespace
}  // namespace sinter::texture
