#include "texture/unwrap/unwrap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"
#include "texture/unwrap/validate.h"
#include "texture/unwrap_meshes.h"

namespace sinter::texture {
namespace {

using mesh::TriangleMesh;

UnwrapOptions small_options() {
  UnwrapOptions options;
  options.texture_size = 512;
  options.gutter = 2;
  options.threads = 1;
  return options;
}

/// Unwraps, proves the result, and returns it.
UnwrapResult unwrap_valid(const TriangleMesh& mesh,
                          const UnwrapOptions& options = small_options()) {
  UnwrapResult result = unwrap_mesh(mesh, options);
  const UnwrapCheck check = check_unwrap(mesh, result, options.texture_size, options.gutter);
  EXPECT_EQ(check.wrong_corners, 0);
  EXPECT_EQ(check.out_of_range, 0);
  EXPECT_EQ(check.flipped_faces, 0);
  EXPECT_EQ(check.covered_twice, 0);
  EXPECT_EQ(check.shared_texels, 0);
  EXPECT_EQ(check.crowded_texels, 0);
  EXPECT_EQ(result.stats.flipped_faces, 0);
  EXPECT_GE(result.stats.stretch_l2, 1 - 1e-6);  // rounding of uv to fp32
  EXPECT_LE(result.stats.atlas_use, 1);
  return result;
}

void expect_same(const UnwrapResult& a, const UnwrapResult& b) {
  EXPECT_EQ(a.source, b.source);
  EXPECT_EQ(a.faces, b.faces);
  EXPECT_EQ(a.uv, b.uv);
  EXPECT_EQ(a.chart, b.chart);
  EXPECT_EQ(a.stats.stretch_l2, b.stats.stretch_l2);
  EXPECT_EQ(a.stats.seam_length, b.stats.seam_length);
}

std::string message_of(const TriangleMesh& mesh, const UnwrapOptions& options = small_options()) {
  try {
    unwrap_mesh(mesh, options);
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

TEST(Unwrap, FlatSheetStaysInOnePiece) {
  UnwrapOptions options = small_options();
  options.max_extent = 3;
  options.max_charts = 1;
  const TriangleMesh mesh = test::plane(8);
  const UnwrapResult result = unwrap_valid(mesh, options);
  EXPECT_EQ(result.stats.charts, 1);
  EXPECT_EQ(result.source.size(), mesh.positions.size());
  EXPECT_NEAR(result.stats.stretch_l2, 1, 1e-5);
  EXPECT_NEAR(result.stats.stretch_linf, 1, 1e-3);  // fp32 coordinates of faces 20 texels wide
  EXPECT_EQ(result.stats.seam_length, 0);
  // 3 x 1 upright fills a third of the square, but for the gutter and the grid of the packer
  EXPECT_GT(result.stats.atlas_use, 0.31);
}

TEST(Unwrap, LongSheetIsCutWhereThatFillsTheAtlas) {
  // two halves of 1.5 x 1 side by side fill three quarters of a square of side 2 instead of a third
  UnwrapOptions options = small_options();
  options.max_extent = 3;
  const UnwrapResult result = unwrap_valid(test::plane(8), options);
  EXPECT_EQ(result.stats.charts, 2);
  EXPECT_NEAR(result.stats.seam_length, 1 / std::sqrt(3.0), 1e-5);
  EXPECT_GT(result.stats.atlas_use, 0.72);
}

TEST(Unwrap, LongSheetIsCutWhereAskedTo) {
  UnwrapOptions options = small_options();
  options.max_extent = 0.5;
  const UnwrapResult result = unwrap_valid(test::plane(8), options);
  EXPECT_GE(result.stats.charts, 3);
  EXPECT_NEAR(result.stats.stretch_l2, 1, 1e-5);
  EXPECT_GT(result.stats.seam_length, 0);
}

TEST(Unwrap, BoxIsUnfoldedWithoutStretch) {
  const TriangleMesh mesh = test::box({1, 2, 3}, {5, 5, 5});
  const UnwrapResult result = unwrap_valid(mesh);
  EXPECT_LE(result.stats.charts, 8);  // of twelve faces
  EXPECT_GT(result.stats.atlas_use, 0.7);
  EXPECT_NEAR(result.stats.stretch_l2, 1, 1e-5);
  EXPECT_NEAR(result.stats.stretch_linf, 1, 1e-3);
}

TEST(Unwrap, CubeFillsMostOfTheAtlas) {
  // as six squares or as a net in one or two pieces it fills two thirds at most (three by three
  // squares); only a net that is cut through sides fills more. The gutters take 3 %.
  TriangleMesh mesh;
  for (int axis = 0; axis < 3; ++axis) {
    for (const double end : {-1.0, 1.0}) {
      mesh = test::joined(mesh, test::sheet(8, 8, false, false, [&](double u, double v) {
                            const double a = 2 * u - 1, b = end * (2 * v - 1);
                            if (axis == 0) return test::point(end, a, b);
                            return axis == 1 ? test::point(b, end, a) : test::point(a, b, end);
                          }));
    }
  }
  const UnwrapResult result = unwrap_valid(mesh);
  EXPECT_NEAR(result.stats.stretch_l2, 1, 1e-5);
  EXPECT_GT(result.stats.atlas_use, 0.75);
  // all twelve edges are 12 / sqrt(6) of the root of the area; cuts through sides come on top
  EXPECT_LT(result.stats.seam_length, 8);
}

TEST(Unwrap, ThousandsOfChartsFillTheAtlas) {
  // rectangles with sides of 1 to 4, each by itself
  constexpr std::uint32_t kSheets = 2000;
  TriangleMesh mesh;
  std::uint32_t state = 1;
  const auto side = [&] {
    state = state * 1664525u + 1013904223u;
    return 1 + 3 * static_cast<float>(state >> 8) * 0x1p-24f;
  };
  for (std::uint32_t i = 0; i < kSheets; ++i) {
    const float w = side(), h = side(), z = static_cast<float>(i);
    const std::uint32_t v = 4 * i;
    for (const auto& [x, y] : {std::pair{0.0f, 0.0f}, {w, 0.0f}, {w, h}, {0.0f, h}}) {
      mesh.positions.push_back({x, y, z});
    }
    mesh.faces.push_back({v, v + 1, v + 2});
    mesh.faces.push_back({v, v + 2, v + 3});
  }
  UnwrapOptions options = small_options();
  options.texture_size = 2048;
  const UnwrapResult result = unwrap_valid(mesh, options);
  EXPECT_EQ(result.stats.charts, kSheets);
  // They are 38 texels wide in the mean, and lose two and a half on each side to the gutter and the
  // rounding to cells: seven eighths of their room is left. Starting too high loses whole gaps.
  EXPECT_GT(result.stats.atlas_use, 0.70);
}

TEST(Unwrap, SheetThatFitsIsNotCut) {
  UnwrapOptions options = small_options();
  options.max_extent = 3;
  const UnwrapResult result = unwrap_valid(
      test::sheet(8, 8, false, false, [](double u, double v) { return test::point(u, v, 0); }),
      options);
  EXPECT_EQ(result.stats.charts, 1);
  EXPECT_GT(result.stats.atlas_use, 0.95);  // margins of a texel of 512, cells of one
}

TEST(Unwrap, TubeIsUnrolled) {
  const UnwrapResult result = unwrap_valid(test::tube(96, 2));
  EXPECT_LE(result.stats.charts, 6);
  EXPECT_LT(result.stats.stretch_l2, 1.001);  // developable but for the facets
}

TEST(Unwrap, BallHasLittleStretchInFewCharts) {
  const UnwrapResult result = unwrap_valid(test::ball(32));
  EXPECT_LE(result.stats.charts, 24);
  EXPECT_LT(result.stats.stretch_l2, 1.01);
  EXPECT_LT(result.stats.stretch_linf, 1.5);
  EXPECT_GT(result.stats.atlas_use, 0.4);
}

TEST(Unwrap, TorusHasLittleStretchInFewCharts) {
  const UnwrapResult result = unwrap_valid(test::torus(64, 32));
  EXPECT_LE(result.stats.charts, 32);
  EXPECT_LT(result.stats.stretch_l2, 1.01);
}

TEST(Unwrap, RoughSurfacesAreValid) {
  for (const float amount : {0.01f, 0.03f, 0.1f}) {
    SCOPED_TRACE(amount);
    unwrap_valid(test::shaken(test::ball(24), amount, 7));
    unwrap_valid(test::shaken(test::torus(40, 20), amount, 8));
  }
}

TEST(Unwrap, ResultDoesNotDependOnThreads) {
  const TriangleMesh mesh =
      test::joined(test::shaken(test::torus(48, 24), 0.03f, 3), test::ball(16));
  UnwrapOptions options = small_options();
  const UnwrapResult one = unwrap_mesh(mesh, options);
  for (const int threads : {2, 3, 8}) {
    SCOPED_TRACE(threads);
    options.threads = threads;
    expect_same(one, unwrap_mesh(mesh, options));
  }
}

TEST(Unwrap, CoincidentVerticesCountAsOne) {
  const TriangleMesh whole = test::ball(16), apart = test::cut_apart(whole);
  const UnwrapResult a = unwrap_valid(whole), b = unwrap_valid(apart);
  EXPECT_EQ(a.stats.charts, b.stats.charts);
  EXPECT_EQ(a.stats.stretch_l2, b.stats.stretch_l2);
  EXPECT_EQ(b.source.size(), apart.positions.size());  // none is split, none is merged
}

TEST(Unwrap, RepeatedFacesGetTheirOwnPlace) {
  TriangleMesh mesh = test::ball(12);
  const auto faces = mesh.faces;
  mesh.faces.insert(mesh.faces.end(), faces.begin(), faces.end());
  const UnwrapResult once = unwrap_valid(test::ball(12)), twice = unwrap_valid(mesh);
  // the second layer is a surface of its own, not one chart a face
  EXPECT_LE(twice.stats.charts, 3 * once.stats.charts);
  for (std::size_t f = 0; f < faces.size(); ++f) {
    EXPECT_NE(twice.chart[f], twice.chart[f + faces.size()]);
  }
}

TEST(Unwrap, EdgesWithManyFacesAreCut) {
  // three sheets that meet in a line, like a book
  TriangleMesh mesh;
  for (int page = 0; page < 3; ++page) {
    const double a = 2.0 * page;
    mesh = test::joined(mesh, test::sheet(6, 6, false, false, [&](double u, double v) {
                          return test::point(u * std::cos(a), u * std::sin(a), v);
                        }));
  }
  const UnwrapResult result = unwrap_valid(mesh);
  EXPECT_EQ(result.stats.charts, 3);
  EXPECT_NEAR(result.stats.stretch_l2, 1, 1e-5);
}

TEST(Unwrap, FacesThatRunTheOtherWayAreCutOff) {
  TriangleMesh mesh = test::plane(6);
  std::swap(mesh.faces[40][1], mesh.faces[40][2]);
  const UnwrapResult result = unwrap_valid(mesh);
  EXPECT_NE(result.chart[40], result.chart[41]);
}

TEST(Unwrap, CollapsedFacesShareOnePoint) {
  TriangleMesh mesh = test::ball(8);
  mesh.faces.push_back({3, 3, 4});
  mesh.faces.push_back({5, 5, 5});
  const UnwrapResult result = unwrap_valid(mesh);
  EXPECT_EQ(result.stats.collapsed_faces, 2);
  for (std::size_t f = mesh.faces.size() - 2; f < mesh.faces.size(); ++f) {
    EXPECT_EQ(result.chart[f], -1);
    const auto& face = result.faces[f];
    EXPECT_EQ(result.uv[face[0]], result.uv[face[1]]);
    EXPECT_EQ(result.uv[face[0]], result.uv[face[2]]);
  }
}

TEST(Unwrap, FacesWithoutAreaDoNotTearTheSurface) {
  // a vertex in the middle of an edge makes a face without area between two squares' halves
  TriangleMesh mesh;
  mesh.positions = {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}, {1, 1, 0}, {1, -1, 0}};
  mesh.faces = {{0, 2, 3}, {0, 1, 2}, {0, 4, 1}, {1, 4, 2}};
  const UnwrapResult result = unwrap_valid(mesh);
  EXPECT_EQ(result.stats.charts, 1);
  EXPECT_NEAR(result.stats.stretch_l2, 1, 1e-2);
}

TEST(Unwrap, MeshesOfNothingButBadFacesAreValid) {
  TriangleMesh points;
  points.positions = {{1, 2, 3}, {4, 5, 6}};
  points.faces = {{0, 0, 0}, {0, 1, 0}};
  const UnwrapResult result = unwrap_valid(points);
  EXPECT_EQ(result.stats.charts, 0);
  EXPECT_EQ(result.stats.collapsed_faces, 2);

  TriangleMesh line;
  line.positions = {{0, 0, 0}, {1, 1, 1}, {2, 2, 2}};
  line.faces = {{0, 1, 2}};
  EXPECT_EQ(unwrap_valid(line).stats.charts, 1);

  TriangleMesh one;
  one.positions = {{0, 0, 0}, {1, 0, 0}, {0, 1, 0}};
  one.faces = {{0, 1, 2}};
  EXPECT_NEAR(unwrap_valid(one).stats.stretch_linf, 1, 1e-5);
}

TEST(Unwrap, SoupsAreValid) {
  UnwrapOptions options = small_options();
  options.gutter = 1;
  unwrap_valid(test::soup(300, 200, 1), options);  // mostly single faces
  unwrap_valid(test::soup(12, 300, 2), options);   // edges with dozens of faces, repeated faces
}

TEST(Unwrap, TinyAndHugeMeshesAreTheSame) {
  TriangleMesh mesh = test::shaken(test::ball(10), 0.02f, 4);
  const UnwrapResult plain = unwrap_valid(mesh);
  for (const float scale : {0x1p-80f, 0x1p80f}) {
    TriangleMesh scaled = mesh;
    for (auto& p : scaled.positions) p = {p[0] * scale, p[1] * scale, p[2] * scale};
    const UnwrapResult result = unwrap_valid(scaled);
    EXPECT_EQ(result.chart, plain.chart);
    EXPECT_NEAR(result.stats.stretch_l2, plain.stats.stretch_l2, 1e-6);
    EXPECT_NEAR(result.stats.texels_per_unit * scale / plain.stats.texels_per_unit, 1, 1e-6);
  }
}

TEST(Unwrap, FewerChartsOnRequest) {
  const TriangleMesh mesh = test::shaken(test::ball(24), 0.01f, 5);
  UnwrapOptions options = small_options();
  const std::int64_t free = unwrap_valid(mesh, options).stats.charts;
  options.max_charts = 3;
  const UnwrapResult result = unwrap_valid(mesh, options);
  EXPECT_LT(result.stats.charts, free);
  EXPECT_LE(result.stats.charts, 4);
}

TEST(Unwrap, LessStretchOnRequest) {
  const TriangleMesh mesh = test::ball(24);
  UnwrapOptions options = small_options();
  options.max_stretch = 1.1;
  const UnwrapResult loose = unwrap_valid(mesh, options);
  options.max_stretch = 1.002;
  const UnwrapResult strict = unwrap_valid(mesh, options);
  EXPECT_LT(strict.stats.stretch_l2, loose.stats.stretch_l2);
  EXPECT_GT(strict.stats.charts, loose.stats.charts);
}

TEST(Unwrap, GuttersAreKeptAtAllSizes) {
  const TriangleMesh mesh = test::ball(12);
  for (const int size : {32, 100, 257, 1024}) {
    for (const int gutter : {0, 1, 3}) {
      SCOPED_TRACE(testing::Message() << size << " texels, gutter " << gutter);
      UnwrapOptions options = small_options();
      options.texture_size = size;
      options.gutter = gutter;
      unwrap_valid(mesh, options);
    }
  }
}

TEST(Unwrap, ReportsProgressAndCanBeStopped) {
  const TriangleMesh mesh = test::ball(8);
  UnwrapOptions options = small_options();
  std::vector<double> fractions;
  options.progress = [&](double fraction) { fractions.push_back(fraction); };
  unwrap_mesh(mesh, options);
  ASSERT_GE(fractions.size(), 3u);
  EXPECT_EQ(fractions.front(), 0);
  EXPECT_EQ(fractions.back(), 1);
  EXPECT_TRUE(std::is_sorted(fractions.begin(), fractions.end()));
  options.progress = [](double) { fail(ErrorCode::cancelled, "cancelled"); };
  EXPECT_EQ(message_of(mesh, options), "cancelled");
}

TEST(Unwrap, RefusesWhatIsNoMesh) {
  EXPECT_EQ(message_of({}), "[unwrap] mesh: expected at least one face, got none");
  TriangleMesh mesh = test::ball(4);
  mesh.positions[2][1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(message_of(mesh), "[unwrap] vertex 2: expected finite coordinates, got nan");
  mesh.positions[2][1] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(message_of(mesh), "[unwrap] vertex 2: expected finite coordinates, got inf");
  mesh = test::box({1, 1, 1}, {0, 0, 0});
  mesh.faces[3][2] = 8;
  EXPECT_EQ(message_of(mesh), "[unwrap] face 3: expected vertices below 8, got 8");
}

TEST(Unwrap, RefusesOptionsOutOfRange) {
  const TriangleMesh mesh = test::ball(4);
  const auto with = [](auto&& change) {
    UnwrapOptions options = small_options();
    change(options);
    return options;
  };
  EXPECT_EQ(message_of(mesh, with([](auto& o) { o.texture_size = 31; })),
            "[unwrap] texture size: expected 32..16384 texels, got 31");
  EXPECT_EQ(message_of(mesh, with([](auto& o) { o.gutter = -1; })),
            "[unwrap] gutter: expected 0..64 texels, got -1");
  EXPECT_EQ(message_of(mesh, with([](auto& o) { o.max_stretch = 0.5; })),
            "[unwrap] max stretch: expected at least 1, got 0.5");
  EXPECT_EQ(message_of(mesh, with([](auto& o) { o.max_extent = 0; })),
            "[unwrap] max extent: expected 0.05..10, got 0");
  EXPECT_EQ(message_of(mesh, with([](auto& o) { o.max_charts = -2; })),
            "[unwrap] max charts: expected 0 or more, got -2");
  EXPECT_EQ(message_of(mesh, with([](auto& o) { o.threads = 0; })),
            "[unwrap] threads: expected at least 1, got 0");
}

TEST(Unwrap, RefusesAnAtlasThatIsTooSmall) {
  UnwrapOptions options = small_options();
  options.texture_size = 32;
  options.gutter = 8;
  EXPECT_EQ(message_of(test::soup(3000, 900, 6), options).substr(0, 32),
            "[unwrap] atlas: expected room fo");
}

}  // namespace
}  // namespace sinter::texture
