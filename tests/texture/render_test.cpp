#include "texture/render.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "core/error.h"
#include "core/srgb.h"
#include "texture/shading.h"
#include "texture/test_meshes.h"

namespace sinter::texture {
namespace {

using test::ball;
using test::box;
using test::inverted;
using test::joined;

constexpr std::array<std::uint8_t, 3> kGreen = {0, 255, 0};

/// Small, on a background that no surface has.
RenderOptions small() {
  RenderOptions options;
  options.tile = 96;
  options.background = kGreen;
  options.threads = 2;
  return options;
}

bool is_background(const std::uint8_t* pixel) {
  return pixel[1] > 100 && pixel[0] < 20 && pixel[2] < 20;
}
bool is_red(const std::uint8_t* pixel) {
  return pixel[0] > 2 * pixel[1] && pixel[0] > 2 * pixel[2];
}

struct Seen {
  int surface = 0, red = 0;
  double x = 0, y = 0;  ///< mean place of surface pixels
  double level = 0;     ///< mean of their green
};

Seen look(
    const Image& image,
    const std::function<bool(int, int)>& where = [](int, int) { return true; }) {
  Seen seen;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      if (is_background(image.at(x, y)) || !where(x, y)) continue;
      ++seen.surface;
      seen.red += is_red(image.at(x, y));
      seen.x += x;
      seen.y += y;
      seen.level += image.at(x, y)[1];
    }
  }
  seen.x /= seen.surface;
  seen.y /= seen.surface;
  seen.level /= seen.surface;
  return seen;
}

TEST(Render, ABallFillsTheDiscThatPerspectiveGivesIt) {
  const Seen seen = look(render_view(ball(48), 30, 20, small()));
  // The cone around the ball reaches 0.94 of the picture's half side.
  const double disc = 3.14159265 * std::pow(0.94 * 48, 2);
  EXPECT_NEAR(seen.surface, disc, 0.03 * disc);  // pixels of the rim count whole
  EXPECT_NEAR(seen.x, 47.5, 0.5);
  EXPECT_NEAR(seen.y, 47.5, 0.5);
  EXPECT_EQ(seen.red, 0);
}

TEST(Render, InnerSidesAreRed) {
  const Seen seen = look(render_view(inverted(ball(20)), 0, 0, small()));
  EXPECT_GT(seen.red, seen.surface * 0.97);  // but for pixels shared with the background
  EXPECT_GT(seen.surface, 6000);
}

/// A ball without its front cap: red shows from +Z only.
TEST(Render, AzimuthZeroIsTheFrontAndNinetyThePositiveX) {
  mesh::TriangleMesh open = ball(30);
  std::erase_if(open.faces,
                [&](const mesh::Face& face) { return open.positions[face[0]][2] > 0.8f; });
  EXPECT_GT(look(render_view(open, 0, 0, small())).red, 500);
  EXPECT_EQ(look(render_view(open, 180, 0, small())).red, 0);
  EXPECT_EQ(look(render_view(open, 90, 0, small())).red, 0);
  // From +X, +Z is to the left: a box there moves the picture's weight to the left.
  const mesh::TriangleMesh arm = joined(ball(12), box({0.2f, 0.2f, 0.5f}, {0, 0, 3}));
  EXPECT_LT(look(render_view(arm, 90, 0, small()), [](int x, int) { return x < 30; }).x, 30);
  EXPECT_EQ(
      look(render_view(arm, 90, 0, small()), [](int x, int) { return x > 75 && x < 90; }).surface >
          300,
      true);
  EXPECT_GT(look(render_view(arm, -90, 0, small()), [](int x, int) { return x > 66; }).surface, 50);
}

TEST(Render, UpIsUpAndElevationLooksDown) {
  const mesh::TriangleMesh hat = joined(ball(12), box({0.1f, 0.1f, 0.1f}, {0, 2, 0}));
  const auto top = [](int, int y) { return y < 20; };
  EXPECT_GT(look(render_view(hat, 40, 0, small()), top).surface, 10);
  // From above the front is at the bottom of the picture, from below at its top.
  const mesh::TriangleMesh nose = joined(ball(12), box({0.1f, 0.1f, 0.1f}, {0, 0, 2}));
  EXPECT_GT(look(render_view(nose, 0, 90, small()), [](int, int y) { return y > 76; }).surface, 10);
  EXPECT_GT(look(render_view(nose, 0, -90, small()), [](int, int y) { return y < 20; }).surface,
            10);
}

TEST(Render, SheetHasItsViewsInRows) {
  RenderOptions options = small();
  options.tile = 40;
  options.columns = 3;
  options.turns = 5;
  const mesh::TriangleMesh mesh = joined(ball(10), box({0.2f, 0.2f, 0.5f}, {0.3f, 0, 1}));
  const Image sheet = render_sheet(mesh, options);
  ASSERT_EQ(sheet.width, 120);
  ASSERT_EQ(sheet.height, 120);
  EXPECT_EQ(sheet.channels, 3);
  const auto expect_tile = [&](int column, int row, const Image& view) {
    for (int y = 0; y < 40; ++y) {
      for (int x = 0; x < 40 * 3; ++x) {
        ASSERT_EQ(sheet.at(column * 40, row * 40 + y)[x], view.at(0, y)[x])
            << column << ", " << row;
      }
    }
  };
  expect_tile(0, 0, render_view(mesh, 0, 20, options));
  expect_tile(1, 1, render_view(mesh, 288, 20, options));
  expect_tile(2, 1, render_view(mesh, 0, 90, options));
  expect_tile(0, 2, render_view(mesh, 0, -90, options));
  for (int x = 40; x < 120; ++x) EXPECT_TRUE(is_background(sheet.at(x, 100)));
}

TEST(Render, TheSameForAnyNumberOfThreads) {
  RenderOptions options = small();
  const mesh::TriangleMesh mesh = joined(ball(60), box({0.2f, 0.9f, 0.5f}, {1, 0, 1}));
  options.threads = 1;
  const Image one = render_sheet(mesh, options);
  for (const int threads : {2, 5}) {
    options.threads = threads;
    EXPECT_EQ(render_sheet(mesh, options).pixels, one.pixels);
  }
}

TEST(Render, DoesNotDependOnScaleOrPlace) {
  mesh::TriangleMesh mesh = joined(ball(20), box({0.2f, 0.9f, 0.5f}, {1, 0, 1}));
  const Image before = render_view(mesh, 25, 15, small());
  for (mesh::Vec3& p : mesh.positions) {
    for (std::size_t c = 0; c < 3; ++c) p[c] = p[c] * 1024 + 512 * static_cast<float>(c);
  }
  const Image after = render_view(mesh, 25, 15, small());
  int differing = 0;
  for (std::size_t i = 0; i < before.pixels.size(); ++i) {
    differing += std::abs(before.pixels[i] - after.pixels[i]) > 2;
  }
  EXPECT_LT(differing, static_cast<int>(before.pixels.size()) / 100);
}

TEST(Render, CornersAreDarkerAndOpenPlanesAreNot) {
  // Two slabs that meet at a right angle, seen from the side in which both are lit alike without
  // occlusion.
  const mesh::TriangleMesh corner =
      joined(box({1, 0.05f, 1}, {0, -0.05f, 0}), box({1, 1, 0.05f}, {0, 1, -1}));
  RenderOptions options = small();
  options.tile = 128;
  const auto wall_foot = [](int x, int y) { return x > 50 && x < 78 && y > 62 && y < 72; };
  options.ambient_occlusion = false;
  const Image open = render_view(corner, 0, 30, options);
  options.ambient_occlusion = true;
  const Image closed = render_view(corner, 0, 30, options);
  double darkest = 0, mean = 0;
  int count = 0;
  for (int y = 0; y < 128; ++y) {
    for (int x = 0; x < 128; ++x) {
      if (is_background(open.at(x, y))) continue;
      const double drop = open.at(x, y)[1] - closed.at(x, y)[1];
      EXPECT_GE(drop, -1);
      darkest = std::max(darkest, drop);
      mean += drop;
      ++count;
    }
  }
  EXPECT_GT(darkest, 25);
  EXPECT_LT(mean / count, darkest / 2);
  EXPECT_GT(look(open, wall_foot).level - look(closed, wall_foot).level, mean / count);
  // A ball hides nothing from itself.
  options.ambient_occlusion = false;
  const Seen bare = look(render_view(ball(40), 0, 0, options));
  options.ambient_occlusion = true;
  EXPECT_NEAR(look(render_view(ball(40), 0, 0, options)).level, bare.level, 4);
}

TEST(Render, FacesWithBadVerticesAreLeftOut) {
  mesh::TriangleMesh mesh = ball(20);
  const Image sound = render_view(mesh, 0, 0, small());
  const auto bad = static_cast<std::uint32_t>(mesh.positions.size());
  mesh.positions.push_back({std::nanf(""), 0, 0});
  mesh.positions.push_back({0, std::numeric_limits<float>::infinity(), 0});
  mesh.faces.push_back({0, 1, bad});
  mesh.faces.push_back({bad + 1, 1, 2});
  mesh.faces.push_back({3, 3, 4});
  EXPECT_EQ(look(render_view(mesh, 0, 0, small())).surface, look(sound).surface);
}

TEST(Render, RefusesWhatItCannotDraw) {
  const auto refuse =
      [](const mesh::TriangleMesh& mesh, const RenderOptions& options, const std::string& message) {
        try {
          render_sheet(mesh, options);
          ADD_FAILURE() << "no error, expected " << message;
        } catch (const Error& error) {
          EXPECT_EQ(error.message(), message);
          EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        }
      };
  refuse({}, small(), "[render] mesh: expected faces, got none");
  mesh::TriangleMesh mesh = box({1, 1, 1}, {0, 0, 0});
  mesh.faces[3][1] = 8;
  refuse(mesh, small(), "[render] mesh: a face refers to vertex 8; expected less than 8");
  refuse(box({0, 0, 0}, {1, 1, 1}), small(), "[render] mesh: all vertices are at one point");
  refuse(box({NAN, NAN, NAN}, {1, 1, 1}), small(), "[render] mesh: no vertex is finite");
  mesh = box({1, 1, 1}, {0, 0, 0});
  RenderOptions options = small();
  options.tile = 8;
  refuse(mesh, options, "[render] tile: expected 16..4096, got 8");
  options = small();
  options.elevation = NAN;
  refuse(mesh, options, "[render] elevation: expected -89..89, got nan");
  options = small();
  options.tile = 4096;
  options.columns = 9;
  options.turns = 9;
  refuse(mesh, options, "[render] sheet: expected at most 32768 pixels a side, got 36864 x 8192");
}

TEST(Shading, LevelsSurviveTheRoundTrip) {
  for (int level = 0; level < 256; ++level) {
    EXPECT_EQ(srgb_level(static_cast<float>(linear_from_srgb(level / 255.0))), level);
  }
}

}  // namespace
}  // namespace sinter::texture
