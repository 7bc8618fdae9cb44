// Painted meshes, against plain formulas in float64.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "core/error.h"
#include "core/srgb.h"
#include "mesh/vector_math.h"
#include "texture/mip_texture.h"
#include "texture/render.h"
#include "texture/test_meshes.h"

namespace sinter::texture {
namespace {

using mesh::Vec3d;
using mesh::operator*;
using mesh::operator+;
using mesh::operator-;
using test::Random;

constexpr std::array<std::uint8_t, 3> kGreen = {0, 255, 0};
using Rgb = std::array<double, 3>;

Texture random_texture(int width, int height, int channels, std::uint64_t seed) {
  Random random(seed);
  Texture texture{{}, width, height, channels};
  texture.levels.resize(static_cast<std::size_t>(width * height * channels));
  for (std::uint8_t& level : texture.levels) level = static_cast<std::uint8_t>(random.next() >> 4);
  return texture;
}

/// Dark and light texels in turn.
Texture checkerboard(int side) {
  Texture texture{{}, side, side, 3};
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x)
      texture.levels.insert(texture.levels.end(), 3, (x + y) % 2 == 0 ? 0 : 255);
  }
  return texture;
}

/// The texel at any whole place, after the definition of the wrap: by index, one step at a time.
Rgb texel(const Texture& texture, std::int64_t x, std::int64_t y, Wrap u, Wrap v) {
  const auto fold = [](std::int64_t i, std::int64_t side, Wrap wrap) {
    if (wrap == Wrap::clamp) return std::clamp<std::int64_t>(i, 0, side - 1);
    const std::int64_t period = wrap == Wrap::mirror ? 2 * side : side;
    while (i < 0) i += period;
    while (i >= period) i -= period;
    return i < side ? i : 2 * side - 1 - i;
  };
  const std::int64_t place = fold(y, texture.height, v) * texture.width + fold(x, texture.width, u);
  Rgb colour;
  for (std::size_t c = 0; c < 3; ++c) {
    colour[c] = linear_from_srgb(
        texture.levels[static_cast<std::size_t>(place * texture.channels) + c] / 255.0);
  }
  return colour;
}

Rgb bilinear(const Texture& texture, double u, double v, const Material& material) {
  const double x = u * texture.width - 0.5, y = v * texture.height - 0.5;
  Rgb sum{};
  for (int j = 0; j < 2; ++j) {
    for (int i = 0; i < 2; ++i) {
      const double fx = x - std::floor(x), fy = y - std::floor(y);
      const Rgb at = texel(texture,
                           static_cast<std::int64_t>(std::floor(x)) + i,
                           static_cast<std::int64_t>(std::floor(y)) + j,
                           material.wrap_u,
                           material.wrap_v);
      for (std::size_t c = 0; c < 3; ++c)
        sum[c] += (i == 0 ? 1 - fx : fx) * (j == 0 ? 1 - fy : fy) * at[c];
    }
  }
  return sum;
}

double srgb(double linear) {
  const double v = std::clamp(linear, 0.0, 1.0);
  return 255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055);
}

TEST(MipTexture, MagnifiedTexelsBlendUnderEveryWrap) {
  const Texture texture = random_texture(7, 5, 4, 3);
  const MipTexture mips(texture, 2);
  Random random(9);
  for (const Wrap u : {Wrap::repeat, Wrap::mirror, Wrap::clamp}) {
    for (const Wrap v : {Wrap::repeat, Wrap::mirror, Wrap::clamp}) {
      Material material;
      material.wrap_u = u;
      material.wrap_v = v;
      for (int i = 0; i < 500; ++i) {
        const double x = static_cast<double>(random.range(-3, 4));
        const double y = static_cast<double>(random.range(-3, 4));
        const auto got = mips.sample({{x, y}, {0.05, 0}, {0, 0.05}}, material);
        const Rgb expected = bilinear(texture, x, y, material);
        // Weights are rounded to single precision.
        for (std::size_t c = 0; c < 3; ++c) ASSERT_NEAR(got[c], expected[c], 2e-6) << x << " " << y;
        material.nearest = true;
        const Rgb whole = texel(texture,
                                static_cast<std::int64_t>(std::floor(x * 7)),
                                static_cast<std::int64_t>(std::floor(y * 5)),
                                u,
                                v);
        const auto hard = mips.sample({{x, y}, {0.05, 0}, {0, 0.05}}, material);
        for (std::size_t c = 0; c < 3; ++c) ASSERT_NEAR(hard[c], whole[c], 1e-6) << x << " " << y;
        material.nearest = false;
      }
    }
  }
}

TEST(MipTexture, AFootprintOfTheTextureTwiceIsItsMeanInLinearLight) {
  for (const auto& [width, height] : {std::pair{64, 64}, {37, 53}, {1, 1}, {33, 32}, {100, 61}}) {
    const Texture texture = random_texture(width, height, 3, 5);
    Rgb mean{};
    for (std::size_t i = 0; i < texture.levels.size(); ++i)
      mean[i % 3] += linear_from_srgb(texture.levels[i] / 255.0) / (width * height);
    const auto got = MipTexture(texture, 1).sample({{0.3, 0.8}, {2, 0}, {0, 2}}, {});
    // Seven halvings, each rounded by half a level at most, mostly less.
    for (std::size_t c = 0; c < 3; ++c)
      EXPECT_NEAR(srgb(static_cast<double>(got[c])), srgb(mean[c]), 1.5);
  }
}

TEST(MipTexture, ALongFootprintIsAveragedAlongItselfOnly) {
  // Stripes along v: the mean over many of them, at once sharp across.
  Texture stripes{{}, 256, 256, 3};
  for (int y = 0; y < 256; ++y) {
    for (int x = 0; x < 256; ++x)
      stripes.levels.insert(
          stripes.levels.end(), 3, static_cast<std::uint8_t>((y / 16) % 2 == 0 ? 0 : 255));
  }
  const MipTexture mips(stripes, 1);
  // 64 texels of u by 1 of v, in the middle of a dark and of a light stripe.
  EXPECT_LT(mips.sample({{0.5, 8.0 / 256}, {64.0 / 256, 0}, {0, 1.0 / 256}}, {})[0], 0.01f);
  EXPECT_GT(mips.sample({{0.5, 24.0 / 256}, {64.0 / 256, 0}, {0, 1.0 / 256}}, {})[0], 0.99f);
  // Across, over a whole period.
  EXPECT_NEAR(mips.sample({{0.5, 0.5}, {1.0 / 256, 0}, {0, 32.0 / 256}}, {})[0], 0.5f, 0.03f);
  // The same turned by 45 degrees stays an average along its own axis.
  const double s = 8 * std::sqrt(0.5) / 256;
  const auto turned = mips.sample({{0.5, 8.0 / 256}, {s, s / 4}, {-s / 40, s / 40}}, {});
  EXPECT_LT(turned[0], 0.05f);
}

TEST(MipTexture, CoordinatesMayBeAnything) {
  const Texture texture = random_texture(16, 16, 3, 7);
  const MipTexture mips(texture, 1);
  const double kInfinity = INFINITY;
  for (const double odd :
       {kInfinity, -kInfinity, static_cast<double>(NAN), 1e300, -1e300, 1e-300}) {
    for (const Wrap wrap : {Wrap::repeat, Wrap::mirror, Wrap::clamp}) {
      Material material;
      material.wrap_u = material.wrap_v = wrap;
      for (const TextureFootprint& print : {TextureFootprint{{odd, 0.5}, {0.1, 0}, {0, 0.1}},
                                            TextureFootprint{{0.5, odd}, {odd, odd}, {0, 0.1}},
                                            TextureFootprint{{0.5, 0.5}, {odd, 0}, {0, 0.1}}}) {
        for (const float c : mips.sample(print, material)) EXPECT_TRUE(c >= 0 && c <= 1);
      }
    }
  }
}

/// A quadrilateral that leans back, with perspective in its texture, and the same in reverse
/// behind.
PaintedMesh leaning(const Texture& texture, double repeats) {
  PaintedMesh mesh;
  const auto r = static_cast<float>(repeats);
  mesh.mesh.positions = {{-1, -1, 1.2f}, {1, -1, 1.2f}, {1.1f, 1, -1.5f}, {-0.9f, 0.9f, -1.35f}};
  mesh.mesh.faces = {{0, 1, 2}, {0, 2, 3}};
  mesh.uv = {{0.1f * r, 0.05f * r}, {r, 0}, {0.9f * r, r}, {0, 0.95f * r}};
  mesh.textures = {texture};
  mesh.materials.resize(1);
  mesh.materials[0].texture = 0;
  mesh.face_materials = {0, 0};
  return mesh;
}

RenderOptions unlit() {
  RenderOptions options;
  options.tile = 128;
  options.background = kGreen;
  options.threads = 2;
  options.unlit = true;
  return options;
}

struct Hit {
  bool inside = false;
  double u = 0, v = 0;
};

/// Where the ray through a place of the picture (0..1, from its upper left corner) meets the mesh:
/// from the front, from the distance at which the ball around the bounding box's centre takes 0.94
/// of the half side. Triangles as a + s ab + t ac, solved by Cramer's rule.
Hit trace(const PaintedMesh& mesh, const RenderOptions& options, double x, double y) {
  Vec3d low{9, 9, 9}, high{-9, -9, -9};
  for (const auto& p : mesh.mesh.positions) {
    for (std::size_t c = 0; c < 3; ++c) {
      low[c] = std::min(low[c], static_cast<double>(p[c]));
      high[c] = std::max(high[c], static_cast<double>(p[c]));
    }
  }
  const Vec3d centre = (low + high) * 0.5;
  double radius = 0;
  for (const auto& p : mesh.mesh.positions)
    radius = std::max(radius, mesh::length(mesh::to_double(p) - centre));
  const double tangent = std::tan(options.field_of_view * std::numbers::pi / 360);
  const Vec3d eye = centre + Vec3d{0, 0, radius / std::sin(std::atan(0.94 * tangent))};
  const Vec3d ray = {(2 * x - 1) * tangent, (1 - 2 * y) * tangent, -1};
  for (const auto& face : mesh.mesh.faces) {
    const Vec3d a = mesh::to_double(mesh.mesh.positions[face[0]]);
    const Vec3d ab = mesh::to_double(mesh.mesh.positions[face[1]]) - a;
    const Vec3d ac = mesh::to_double(mesh.mesh.positions[face[2]]) - a;
    const Vec3d from = eye - a, minus = ray * -1;
    const double all = mesh::dot(ab, mesh::cross(ac, minus));
    const double s = mesh::dot(from, mesh::cross(ac, minus)) / all;
    const double t = mesh::dot(ab, mesh::cross(from, minus)) / all;
    if (s < 0 || t < 0 || s + t > 1) continue;
    Hit hit{true, 0, 0};
    const double weights[3] = {1 - s - t, s, t};
    for (std::size_t i = 0; i < 3; ++i) {
      hit.u += weights[i] * static_cast<double>(mesh.uv[face[i]][0]);
      hit.v += weights[i] * static_cast<double>(mesh.uv[face[i]][1]);
    }
    if (!mesh.v_down) hit.v = 1 - hit.v;
    return hit;
  }
  return {};
}

/// The mean of `side` x `side` samples of a pixel; nothing where one of them misses.
std::optional<Rgb> reference(
    const PaintedMesh& mesh, const RenderOptions& options, int x, int y, int side, bool blend) {
  Rgb sum{};
  for (int i = 0; i < side * side; ++i) {
    const Hit hit = trace(mesh,
                          options,
                          (x + (i % side + 0.5) / side) / options.tile,
                          (y + (i / side + 0.5) / side) / options.tile);
    if (!hit.inside) return std::nullopt;
    const Texture& texture = mesh.textures[0];
    const Material& material = mesh.materials[0];
    const Rgb at = blend ? bilinear(texture, hit.u, hit.v, material)
                         : texel(texture,
                                 static_cast<std::int64_t>(std::floor(hit.u * texture.width)),
                                 static_cast<std::int64_t>(std::floor(hit.v * texture.height)),
                                 material.wrap_u,
                                 material.wrap_v);
    for (std::size_t c = 0; c < 3; ++c) sum[c] += at[c] / (side * side);
  }
  return sum;
}

struct Difference {
  int pixels = 0;
  double largest = 0, rms = 0;  ///< in levels
};

Difference compare(const PaintedMesh& mesh, const RenderOptions& options, int side, bool blend) {
  const Image image = render_view(mesh, 0, 0, options);
  Difference difference;
  for (int y = 0; y < options.tile; ++y) {
    for (int x = 0; x < options.tile; ++x) {
      const auto expected = reference(mesh, options, x, y, side, blend);
      if (!expected) continue;
      ++difference.pixels;
      for (std::size_t c = 0; c < 3; ++c) {
        const double off = std::abs(image.at(x, y)[c] - srgb((*expected)[c]));
        difference.largest = std::max(difference.largest, off);
        difference.rms += off * off / 3;
      }
    }
  }
  difference.rms = std::sqrt(difference.rms / difference.pixels);
  return difference;
}

TEST(Paint, ATexturedFaceInPerspectiveIsThePlainFormula) {
  for (const bool v_down : {false, true}) {
    PaintedMesh mesh = leaning(random_texture(6, 4, 3, 11), 1);
    mesh.v_down = v_down;
    mesh.materials[0].wrap_u = Wrap::clamp;
    const Difference difference = compare(mesh, unlit(), 2, true);
    EXPECT_GT(difference.pixels, 3400);
    // Half a level of rounding; corners lie on a grid of 1/256 sample, and a sample is at most
    // 1/30 of a texel, over which a colour changes by at most 255 levels.
    EXPECT_LT(difference.largest, 0.6);
  }
}

TEST(Paint, FineTexturesAreAveragedAndNotPicked) {
  // Six to thirty texels a sample, from near to far: both colours are in every sample.
  PaintedMesh mesh = leaning(checkerboard(512), 3);
  const Image image = render_view(mesh, 0, 0, unlit());
  int pixels = 0;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      if (!reference(mesh, unlit(), x, y, 3, false)) continue;
      ++pixels;
      ASSERT_NEAR(image.at(x, y)[0], srgb(0.5), 3) << x << ", " << y;
    }
  }
  EXPECT_GT(pixels, 3400);
}

TEST(Paint, DetailThatThePictureCanShowStays) {
  // Squares of 32 texels, about four pixels, drawn by an exact average over each pixel.
  Texture squares{{}, 512, 512, 3};
  for (int y = 0; y < 512; ++y) {
    for (int x = 0; x < 512; ++x) {
      const bool light = (x / 32 + y / 32) % 2 == 0;
      squares.levels.insert(squares.levels.end(), 3, static_cast<std::uint8_t>(light ? 230 : 40));
    }
  }
  const Difference difference = compare(leaning(squares, 1), unlit(), 12, false);
  EXPECT_GT(difference.pixels, 3400);
  // Trilinear look-ups are a little softer than the exact mean at the borders of squares: 3.7 was
  // met. Single look-ups without filtering come to 14.
  EXPECT_LT(difference.rms, 5);
}

TEST(Paint, ColoursMultiply) {
  PaintedMesh mesh = leaning(random_texture(1, 1, 3, 2), 1);
  mesh.textures[0].levels = {200, 100, 250};
  mesh.materials[0].colour = {0.5f, 1, 0.25f};
  mesh.colours.assign(4, {0.5f, 0.25f, 1});
  const Image image = render_view(mesh, 0, 0, unlit());
  const auto* centre = image.at(64, 64);
  EXPECT_NEAR(centre[0], srgb(linear_from_srgb(200 / 255.0) * 0.25), 0.51);
  EXPECT_NEAR(centre[1], srgb(linear_from_srgb(100 / 255.0) * 0.25), 0.51);
  EXPECT_NEAR(centre[2], srgb(linear_from_srgb(250 / 255.0) * 0.25), 0.51);
  // Between vertices, in perspective.
  mesh.materials[0] = {};
  mesh.textures.clear();
  mesh.colours = {{0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}};
  mesh.uv = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};
  const Image blended = render_view(mesh, 0, 0, unlit());
  const Hit hit = trace(mesh, unlit(), 64.5 / 128, 64.5 / 128);
  EXPECT_NEAR(blended.at(64, 64)[0], srgb(hit.u), 2);
  EXPECT_NEAR(blended.at(64, 64)[1], srgb(1 - hit.v), 2);
}

TEST(Paint, ThePlaceOfATextureComesBeforeItsDirection) {
  PaintedMesh moved = leaning(random_texture(8, 8, 3, 4), 1), plain = moved;
  moved.materials[0].place = {0, 2, 0.25, -1, 0, 0.5};
  for (auto& [u, v] : plain.uv) {
    const float before = u;
    u = 2 * v + 0.25f;
    v = 0.5f - before;
  }
  EXPECT_EQ(render_view(moved, 0, 0, unlit()).pixels, render_view(plain, 0, 0, unlit()).pixels);
}

TEST(Paint, InnerSidesAreRedButForTwoSidedMaterials) {
  PaintedMesh mesh = leaning(random_texture(1, 1, 3, 6), 1);
  mesh.textures[0].levels = {20, 40, 220};
  const auto centre = [&] {
    const Image image = render_view(mesh, 180, 0, unlit());
    return std::array<int, 3>{image.at(64, 64)[0], image.at(64, 64)[1], image.at(64, 64)[2]};
  };
  EXPECT_GT(centre()[0], 2 * centre()[2]);
  mesh.materials[0].two_sided = true;
  EXPECT_EQ(centre(), (std::array<int, 3>{20, 40, 220}));
}

TEST(Paint, WithoutAnyColourItIsDrawnAsBefore) {
  PaintedMesh mesh;
  mesh.mesh = test::ball(20);
  mesh.materials.resize(2);
  mesh.materials[1].colour = {0.8f, 0.8f, 0.8f};
  mesh.face_materials.assign(mesh.mesh.faces.size(), 1);
  RenderOptions options = unlit();
  options.unlit = false;
  EXPECT_EQ(render_sheet(mesh, options).pixels, render_sheet(mesh.mesh, options).pixels);
  mesh.materials[1].colour = {0.8f, 0.1f, 0.1f};
  const Image red = render_view(mesh, 0, 0, options);
  EXPECT_GT(red.at(64, 64)[0], 2 * red.at(64, 64)[1]);
}

TEST(Paint, TheSameForAnyNumberOfThreads) {
  PaintedMesh mesh = leaning(random_texture(301, 233, 4, 8), 2);
  RenderOptions options = unlit();
  options.unlit = false;
  options.threads = 1;
  const Image one = render_sheet(mesh, options);
  options.threads = 5;
  EXPECT_EQ(render_sheet(mesh, options).pixels, one.pixels);
}

TEST(Paint, RefusesListsThatDoNotFit) {
  const auto refuse = [](const PaintedMesh& mesh, const std::string& message) {
    try {
      render_sheet(mesh, unlit());
      ADD_FAILURE() << "no error, expected " << message;
    } catch (const Error& error) {
      EXPECT_EQ(error.message(), message);
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    }
  };
  const PaintedMesh sound = leaning(random_texture(3, 3, 3, 1), 1);
  PaintedMesh mesh = sound;
  mesh.uv.pop_back();
  refuse(mesh, "[render] texture coordinates: expected one for each of 4 vertices, got 3");
  mesh = sound;
  mesh.uv_faces = {{0, 1, 2}, {0, 2, 4}};
  refuse(mesh, "[render] texture coordinates: expected a place below 4, got 4");
  mesh = sound;
  mesh.face_materials = {0, 1};
  refuse(mesh, "[render] materials: expected a place below 1, got 1");
  mesh = sound;
  mesh.materials[0].texture = 1;
  refuse(mesh, "[render] textures: expected a place below 1, got 1");
  mesh = sound;
  mesh.textures[0].levels.pop_back();
  refuse(mesh, "[render] texture: expected width x height x 3 or 4 levels, got 26 for 3 x 3 x 3");
  mesh = sound;
  mesh.colours.resize(3);
  refuse(mesh, "[render] colours: expected one for each of 4 vertices, got 3");
}

}  // namespace
}  // namespace sinter::texture
