#include "texture/rasterizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>

#include "core/error.h"
#include "texture/test_meshes.h"

namespace sinter::texture {
namespace {

using test::Random;
using Face = std::array<std::uint32_t, 3>;

/// Clip coordinates of a point given in pixels.
ClipVertex at_pixel(double x, double y, int width, int height, double depth = 0, double w = 1) {
  return {static_cast<float>((2 * x / width - 1) * w),
          static_cast<float>((1 - 2 * y / height) * w),
          static_cast<float>(depth * w),
          static_cast<float>(w)};
}

std::vector<int> covered(const std::vector<ClipVertex>& vertices,
                         const std::vector<Face>& faces,
                         int width,
                         int height) {
  std::vector<int> count(static_cast<std::size_t>(width * height), 0);
  for (const Face& face : faces) {
    const Raster raster = rasterize(vertices, std::span(&face, 1), width, height, 1);
    for (std::size_t i = 0; i < count.size(); ++i) count[i] += raster.pixels[i].face == 0;
  }
  return count;
}

TEST(Rasterizer, LeftAndTopEdgesCountRightAndBottomDoNot) {
  // A square whose sides run exactly through pixel centres: 2.5 to 5.5 both ways.
  const std::vector<ClipVertex> vertices = {at_pixel(2.5, 2.5, 8, 8),
                                            at_pixel(5.5, 2.5, 8, 8),
                                            at_pixel(5.5, 5.5, 8, 8),
                                            at_pixel(2.5, 5.5, 8, 8)};
  for (const std::vector<Face>& faces : {std::vector<Face>{{0, 1, 2}, {0, 2, 3}},
                                         std::vector<Face>{{2, 1, 0}, {3, 2, 0}},
                                         std::vector<Face>{{0, 1, 3}, {1, 2, 3}}}) {
    const std::vector<int> count = covered(vertices, faces, 8, 8);
    for (int y = 0; y < 8; ++y) {
      for (int x = 0; x < 8; ++x) {
        const bool inside = x >= 2 && x < 5 && y >= 2 && y < 5;
        EXPECT_EQ(count[static_cast<std::size_t>(y * 8 + x)], inside ? 1 : 0) << x << ", " << y;
      }
    }
  }
}

/// A net of quads over more than the picture, its corners moved about (by less than would fold
/// a quad), each cut along either
/// diagonal: every pixel belongs to exactly one face.
TEST(Rasterizer, NeighboursShareEveryPixelExactlyOnce) {
  constexpr int kSide = 61;
  constexpr int kNet = 17;
  for (const int mode : {0, 1, 2}) {
    Random random(static_cast<std::uint64_t>(mode + 1));
    std::vector<ClipVertex> vertices;
    for (int j = 0; j <= kNet; ++j) {
      for (int i = 0; i <= kNet; ++i) {
        double x = (i - 1) * 4.0 + 0.5;
        double y = (j - 1) * 4.0 + 0.5;
        // 0: corners exactly on pixel centres; 1: anywhere; 2: on quarter pixels, with perspective.
        if (mode == 1) x += random.range(-1.1f, 1.1f), y += random.range(-1.1f, 1.1f);
        if (mode == 2)
          x += std::floor(random.range(-4, 5)) / 4, y += std::floor(random.range(-4, 5)) / 4;
        vertices.push_back(
            at_pixel(x, y, kSide, kSide, 0, mode == 2 ? random.range(0.1f, 9.0f) : 1));
      }
    }
    std::vector<Face> faces;
    for (std::uint32_t j = 0; j < kNet; ++j) {
      for (std::uint32_t i = 0; i < kNet; ++i) {
        const std::uint32_t a = j * (kNet + 1) + i, b = a + 1, c = b + kNet + 1, d = a + kNet + 1;
        if (random.next() & 64) {
          faces.insert(faces.end(), {{a, b, c}, {a, c, d}});
        } else {
          faces.insert(faces.end(), {{a, b, d}, {b, c, d}});
        }
      }
    }
    const std::vector<int> count = covered(vertices, faces, kSide, kSide);
    for (std::size_t i = 0; i < count.size(); ++i) {
      ASSERT_EQ(count[i], 1) << "mode " << mode << " at " << i % kSide << ", " << i / kSide;
    }
  }
}

/// Where the line of sight through a pixel centre meets a face, solved in float64 in homogeneous
/// coordinates: weights b with sum 1 and sum b_i (x_i - X w_i) = sum b_i (y_i - Y w_i) = 0.
struct Hit {
  double u, v, depth;
  double margin;  ///< smallest weight: how clearly the centre lies inside
};

std::optional<Hit> hit(
    const ClipVertex& a, const ClipVertex& b, const ClipVertex& c, double x, double y) {
  const ClipVertex* corners[3] = {&a, &b, &c};
  double p[3], q[3];
  for (int i = 0; i < 3; ++i) {
    p[i] = corners[i]->x - x * corners[i]->w;
    q[i] = corners[i]->y - y * corners[i]->w;
  }
  double weights[3];
  double sum = 0;
  for (int i = 0; i < 3; ++i) {
    const int j = (i + 1) % 3, k = (i + 2) % 3;
    weights[i] = p[j] * q[k] - p[k] * q[j];
    sum += weights[i];
  }
  if (sum == 0) return std::nullopt;
  Hit result{};
  double z = 0, w = 0;
  result.margin = 1;
  for (int i = 0; i < 3; ++i) {
    weights[i] /= sum;
    z += weights[i] * corners[i]->z;
    w += weights[i] * corners[i]->w;
    result.margin = std::min(result.margin, weights[i]);
  }
  if (w <= 0) return std::nullopt;
  result.u = weights[1];
  result.v = weights[2];
  result.depth = z / w;
  return result;
}

/// Random faces, many of them cut by the near plane or reaching behind the eye.
struct Scene {
  std::vector<ClipVertex> vertices;
  std::vector<Face> faces;
};

Scene random_scene(std::uint64_t seed, int count) {
  Random random(seed);
  Scene scene;
  for (int i = 0; i < 3 * count; ++i) {
    // Perspective with near 0.5 and far 8: z = (8.5 d - 8) / 7.5, w = d, some with d < 0.
    const float d = random.range(-0.6f, 9.0f);
    scene.vertices.push_back({random.range(-6, 6), random.range(-6, 6), (8.5f * d - 8) / 7.5f, d});
  }
  for (int i = 0; i < count; ++i) {
    const auto first = static_cast<std::uint32_t>(3 * i);
    scene.faces.push_back({first, first + 1, first + 2});
  }
  return scene;
}

TEST(Rasterizer, AgreesWithALineOfSightSolvedForEveryPixel) {
  constexpr int kWidth = 67, kHeight = 45;
  int compared = 0, skipped = 0, clipped_hits = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    const Scene scene = random_scene(seed, 9);
    const Raster raster = rasterize(scene.vertices, scene.faces, kWidth, kHeight, 2);
    for (int row = 0; row < kHeight; ++row) {
      for (int column = 0; column < kWidth; ++column) {
        const double x = (column + 0.5) / kWidth * 2 - 1;
        const double y = 1 - (row + 0.5) / kHeight * 2;
        int nearest = -1;
        Hit best{};
        bool unsure = false;
        for (std::size_t f = 0; f < scene.faces.size(); ++f) {
          const auto& [a, b, c] = scene.faces[f];
          const auto found = hit(scene.vertices[a], scene.vertices[b], scene.vertices[c], x, y);
          if (!found) continue;
          // Snapping moves corners by up to 1/512 pixel; what lies that close to a border is left
          // out.
          const bool near_border =
              std::abs(found->margin) < 0.01 || std::abs(std::abs(found->depth) - 1) < 0.01;
          const bool inside = found->margin > 0 && std::abs(found->depth) < 1;
          if (near_border && found->margin > -0.01 && std::abs(found->depth) < 1.01) unsure = true;
          if (!inside) continue;
          if (nearest >= 0 && std::abs(found->depth - best.depth) < 1e-3) unsure = true;
          if (nearest < 0 || found->depth < best.depth) {
            nearest = static_cast<int>(f);
            best = *found;
          }
        }
        const RasterPixel& pixel = raster.pixels[static_cast<std::size_t>(row * kWidth + column)];
        if (unsure) {
          ++skipped;
          continue;
        }
        ++compared;
        ASSERT_EQ(pixel.face, nearest) << "seed " << seed << " at " << column << ", " << row;
        if (nearest < 0) {
          ASSERT_EQ(pixel.depth, 1.0f);
          continue;
        }
        for (const std::uint32_t v : scene.faces[static_cast<std::size_t>(nearest)]) {
          clipped_hits += scene.vertices[v].w < 0.5f;
        }
        // The slope of the weights per pixel times 1/256 pixel of snapping, generously.
        ASSERT_NEAR(pixel.u, best.u, 0.02);
        ASSERT_NEAR(pixel.v, best.v, 0.02);
        ASSERT_NEAR(pixel.depth, best.depth, 0.02);
      }
    }
  }
  // The comparison means something only if it was made nearly everywhere and met cut faces.
  EXPECT_GT(compared, 5 * skipped);
  EXPECT_GT(clipped_hits, 1000);
}

TEST(Rasterizer, WeightsAreExactWhereCornersNeedNoSnapping) {
  // Corners on whole pixels, so that nothing is rounded but the result.
  const std::vector<ClipVertex> vertices = {at_pixel(0, 0, 64, 64, -0.5, 1),
                                            at_pixel(64, 0, 64, 64, 0.25, 4),
                                            at_pixel(0, 64, 64, 64, 0.75, 0.5)};
  const std::vector<Face> faces = {{0, 1, 2}};
  const Raster raster = rasterize(vertices, faces, 64, 64, 1);
  int inside = 0;
  for (int row = 0; row < 64; ++row) {
    for (int column = 0; column < 64; ++column) {
      const RasterPixel& pixel = raster.pixels[static_cast<std::size_t>(row * 64 + column)];
      const auto expected =
          hit(vertices[0], vertices[1], vertices[2], (column + 0.5) / 32 - 1, 1 - (row + 0.5) / 32);
      ASSERT_EQ(pixel.face, column + row < 63 ? 0 : -1);
      if (pixel.face < 0) continue;
      ++inside;
      ASSERT_NEAR(pixel.u, expected->u, 1e-6);
      ASSERT_NEAR(pixel.v, expected->v, 1e-6);
      ASSERT_NEAR(pixel.depth, expected->depth, 1e-6);
    }
  }
  EXPECT_EQ(inside, 63 * 64 / 2);
}

TEST(Rasterizer, AtEqualDepthTheFirstFaceWins) {
  const Scene scene = random_scene(3, 1);
  const std::vector<ClipVertex> flat = {
      at_pixel(1, 1, 32, 32), at_pixel(30, 2, 32, 32), at_pixel(4, 30, 32, 32)};
  const std::vector<Face> faces = {{0, 1, 2}, {0, 1, 2}, {2, 1, 0}};
  const Raster raster = rasterize(flat, faces, 32, 32, 2);
  EXPECT_EQ(
      std::count_if(
          raster.pixels.begin(), raster.pixels.end(), [](const auto& p) { return p.face > 0; }),
      0);
  EXPECT_GT(
      std::count_if(
          raster.pixels.begin(), raster.pixels.end(), [](const auto& p) { return p.face == 0; }),
      300);
}

TEST(Rasterizer, TheSameForAnyNumberOfThreads) {
  Scene scene = random_scene(8, 9000);  // more than two blocks of faces
  for (ClipVertex& v : scene.vertices) v.x *= 0.3f, v.y *= 0.3f;
  const Raster one = rasterize(scene.vertices, scene.faces, 97, 83, 1);
  for (const int threads : {2, 3, 7}) {
    EXPECT_EQ(rasterize(scene.vertices, scene.faces, 97, 83, threads).pixels, one.pixels);
  }
}

/// Any bit pattern: nothing but an Error may come out, and what is stored makes sense.
TEST(Rasterizer, SurvivesAnyCoordinates) {
  Random random(6);
  for (int round = 0; round < 300; ++round) {
    std::vector<ClipVertex> vertices;
    for (int i = 0; i < 60; ++i) {
      float values[4];
      for (float& value : values) {
        value = std::bit_cast<float>(random.next() << 16 ^ random.next());
        // Most of the time tame exponents, so that faces do meet the picture.
        if (round % 3 != 0) value = std::remainder(value, 4.0f);
        if (random.next() % 16 == 0) value = 0;
      }
      vertices.push_back({values[0], values[1], values[2], values[3]});
    }
    std::vector<Face> faces;
    for (int i = 0; i < 60; ++i)
      faces.push_back({random.next() % 60, random.next() % 60, random.next() % 60});
    for (const RasterPixel& pixel : rasterize(vertices, faces, 40, 30, 1).pixels) {
      ASSERT_LT(pixel.face, 60);
      if (pixel.face < 0) continue;
      ASSERT_GE(pixel.u, 0);
      ASSERT_GE(pixel.v, 0);
      ASSERT_LE(pixel.u + pixel.v, 1.00001f);
      ASSERT_LE(std::abs(pixel.depth), 1);
    }
  }
}

TEST(Rasterizer, RefusesBadArguments) {
  const std::vector<ClipVertex> vertices(3);
  const std::vector<Face> faces = {{0, 1, 3}};
  EXPECT_THROW(rasterize(vertices, faces, 8, 8, 1), Error);
  EXPECT_THROW(rasterize(vertices, {}, 0, 8, 1), Error);
  EXPECT_THROW(rasterize(vertices, {}, 8, 40000, 1), Error);
  EXPECT_EQ(rasterize(vertices, {}, 3, 2, 1).pixels, std::vector<RasterPixel>(6));
}

}  // namespace
}  // namespace sinter::texture
