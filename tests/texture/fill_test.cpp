// How far the fast fill may be from the reference's: both are means of what is known around.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "texture/bake/inpaint.h"
#include "texture/bake/reference_fill.h"
#include "texture/bake/surface_fill.h"
#include "texture/bake/surface_graph.h"
#include "texture/bake/thin_faces.h"
#include "texture/bake_truth.h"
#include "texture/test_meshes.h"
#include "texture/unwrap/unwrap.h"

namespace sinter::texture {
namespace {

constexpr int kSize = 256;
constexpr int kReach = 3;  ///< of the inpainting, texels
constexpr int kRings = 2;  ///< of faces around a hole's that colours cross to its middle

struct Painted {
  ViewMesh mesh;
  std::vector<std::array<float, 2>> uv;
  TexelMap texels;
  Texture texture;                  ///< rough everywhere, holes unknown
  std::vector<std::int32_t> holes;  ///< by texel: 1 + its hole, 0 elsewhere
};

Painted painted_ball(std::uint64_t seed) {
  const mesh::TriangleMesh source = test::ball(20);
  UnwrapOptions options;
  options.texture_size = kSize;
  options.threads = 1;
  const UnwrapResult unwrapped = unwrap_mesh(source, options);
  mesh::TriangleMesh split;
  for (const std::uint32_t v : unwrapped.source) split.positions.push_back(source.positions[v]);
  split.faces = unwrapped.faces;
  Painted painted{prepare_view_mesh(split), unwrapped.uv, {}, {}, {}};
  const auto& faces = painted.mesh.faces;
  painted.texels = map_texels(painted.uv, faces, kSize, TexelGrid::centres, 0, 1);
  const std::size_t count = painted.texels.face.size();
  painted.texture = {kSize, std::vector<Colour>(count), std::vector<std::uint8_t>(count)};
  painted.holes.assign(count, 0);
  test::Random random(seed);
  for (std::size_t i = 0; i < count; ++i) {
    if (painted.texels.face[i] == 0) continue;
    const mesh::Face& face = faces[static_cast<std::size_t>(painted.texels.face[i] - 1)];
    mesh::Vec3 place = interpolate(painted.mesh.positions, face, painted.texels.weights(faces, i));
    for (float& x : place) x *= 0.15f;  // at this size waves of the truth are not wider than holes
    Colour colour = test::colour_at(place);
    for (float& value : colour)
      value += 0.05f * (static_cast<float>(random.next() % 256) / 255 - 0.5f);
    painted.texture.colour[i] = colour;
    painted.texture.known[i] = 1;
  }
  // Holes of four to seven texels across the radius, far enough from each other to be told apart.
  constexpr int kApart = 42;
  std::int32_t number = 0;
  for (int cy = kApart / 2; cy < kSize; cy += kApart) {
    for (int cx = kApart / 2; cx < kSize; cx += kApart) {
      ++number;
      const int radius = 4 + static_cast<int>(random.next() % 4);
      for (int y = cy - radius; y <= cy + radius; ++y) {
        for (int x = cx - radius; x <= cx + radius; ++x) {
          const auto i = static_cast<std::size_t>(y * kSize + x);
          const int dx = x - cx, dy = y - cy;
          if (dx * dx + dy * dy > radius * radius || painted.texture.known[i] == 0) continue;
          painted.texture.known[i] = 0;
          painted.texture.colour[i] = {0, 0, 0};
          // The gutter is wider than the reach: what a hole cuts out of two charts is two holes.
          const auto face = static_cast<std::size_t>(painted.texels.face[i] - 1);
          painted.holes[i] = 1000 * unwrapped.chart[face] + number;
        }
      }
    }
  }
  return painted;
}

struct Range {
  Colour low{1, 1, 1}, high{0, 0, 0};
  void add(const Colour& colour) {
    for (std::size_t c = 0; c < 3; ++c) {
      low[c] = std::min(low[c], colour[c]);
      high[c] = std::max(high[c], colour[c]);
    }
  }
};

/// Of the known colours that either fill may draw on, by hole.
std::map<std::int32_t, Range> known_ranges(const Painted& p) {
  using Place = mesh::Vec3;
  std::map<Place, std::vector<std::size_t>> faces_at;
  for (std::size_t f = 0; f < p.mesh.faces.size(); ++f) {
    for (const std::uint32_t v : p.mesh.faces[f]) faces_at[p.mesh.positions[v]].push_back(f);
  }
  std::vector<std::vector<std::size_t>> texels_of(p.mesh.faces.size());
  std::map<std::int32_t, std::set<std::size_t>> faces_of;
  std::map<std::int32_t, Range> ranges;
  for (std::size_t i = 0; i < p.holes.size(); ++i) {
    if (p.texels.face[i] == 0) continue;
    const auto f = static_cast<std::size_t>(p.texels.face[i] - 1);
    texels_of[f].push_back(i);
    if (p.holes[i] == 0) continue;
    faces_of[p.holes[i]].insert(f);
    const int x = static_cast<int>(i) % kSize, y = static_cast<int>(i) / kSize;
    for (int dy = -kReach; dy <= kReach; ++dy) {
      for (int dx = -kReach; dx <= kReach; ++dx) {
        if (x + dx < 0 || x + dx >= kSize || y + dy < 0 || y + dy >= kSize) continue;
        const auto n = static_cast<std::size_t>((y + dy) * kSize + x + dx);
        if (p.texture.known[n] != 0) ranges[p.holes[i]].add(p.texture.colour[n]);
      }
    }
  }
  for (auto& [hole, faces] : faces_of) {
    for (int ring = 0; ring < kRings; ++ring) {
      std::set<std::size_t> wider = faces;
      for (const std::size_t f : faces) {
        for (const std::uint32_t v : p.mesh.faces[f]) {
          const auto& around = faces_at[p.mesh.positions[v]];
          wider.insert(around.begin(), around.end());
        }
      }
      faces = std::move(wider);
    }
    for (const std::size_t f : faces) {
      for (const std::size_t i : texels_of[f]) {
        if (p.texture.known[i] != 0) ranges[hole].add(p.texture.colour[i]);
      }
    }
  }
  return ranges;
}

/// The bound that docs/texture.md states: in a hole both fills stay between the least and the
/// largest of the colours known around it, so they differ by no more than those do.
TEST(Fill, TheFastOneIsWithinTheStatedBoundOfTheReference) {
  constexpr float kLevel = 1.0f / 255;  // the reference works on levels
  std::int64_t filled = 0;
  double difference = 0, bound = 0;
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const Painted painted = painted_ball(seed);
    const auto ranges = known_ranges(painted);
    ASSERT_GT(ranges.size(), 15u);
    Texture fast = painted.texture;
    fill_along_surface(painted.mesh.positions, painted.mesh.faces, painted.texels, fast, 1);
    Image reference = to_image(painted.texture, false, 1);
    std::vector<Pixel> pixels(painted.holes.size(), Pixel::outside);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      if (painted.texture.known[i] != 0) pixels[i] = Pixel::known;
      if (painted.holes[i] != 0) pixels[i] = Pixel::wanted;
    }
    EXPECT_EQ(inpaint_navier_stokes(reference, pixels, 1), 0);
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      if (painted.holes[i] == 0) continue;
      ASSERT_EQ(fast.known[i], 1);
      const Range& range = ranges.at(painted.holes[i]);
      for (std::size_t c = 0; c < 3; ++c) {
        const float ours = fast.colour[i][c];
        const float theirs = static_cast<float>(reference.pixels[3 * i + c]) * kLevel;
        ASSERT_GE(ours, range.low[c] - 1e-5f);
        ASSERT_LE(ours, range.high[c] + 1e-5f);
        ASSERT_GE(theirs, range.low[c] - kLevel);
        ASSERT_LE(theirs, range.high[c] + kLevel);
        difference += static_cast<double>(std::abs(ours - theirs));
        bound += static_cast<double>(range.high[c] - range.low[c]);
        ++filled;
      }
    }
  }
  EXPECT_GT(filled, 5000);
  // The bound says something: it is a part of what colours span, and the means differ by far less.
  EXPECT_LT(bound / static_cast<double>(filled), 0.6);
  EXPECT_LT(difference / static_cast<double>(filled), 0.06);
}

/// A ball of few faces, painted with a smooth colour on one side of a plane that cuts faces.
Painted half_painted_ball(int size) {
  const mesh::TriangleMesh source = test::ball(6);
  UnwrapOptions options;
  options.texture_size = size;
  options.threads = 1;
  const UnwrapResult unwrapped = unwrap_mesh(source, options);
  mesh::TriangleMesh split;
  for (const std::uint32_t v : unwrapped.source) split.positions.push_back(source.positions[v]);
  split.faces = unwrapped.faces;
  Painted painted{prepare_view_mesh(split), unwrapped.uv, {}, {}, {}};
  const auto& faces = painted.mesh.faces;
  painted.texels = map_texels(painted.uv, faces, size, TexelGrid::centres, 2, 1);
  const std::size_t count = painted.texels.face.size();
  painted.texture = {size, std::vector<Colour>(count), std::vector<std::uint8_t>(count)};
  for (std::size_t i = 0; i < count; ++i) {
    if (painted.texels.face[i] == 0) continue;
    const mesh::Face& face = faces[static_cast<std::size_t>(painted.texels.face[i] - 1)];
    const mesh::Vec3 place =
        interpolate(painted.mesh.positions, face, painted.texels.weights(faces, i));
    if (place[0] + 0.4f * place[1] - 0.3f * place[2] > 0.1f) continue;
    painted.texture.colour[i] = test::colour_at(place);
    painted.texture.known[i] = 1;
  }
  return painted;
}

/// Next to what is painted a face goes on with that colour: the fill steps by about as much there
/// as the painted colours do from texel to texel.
TEST(Fill, GoesOnWithoutAStepFromWhatIsPainted) {
  constexpr std::size_t kSide = 512;
  Painted painted = half_painted_ball(kSide);
  const std::vector<std::uint8_t> known = painted.texture.known;
  fill_along_surface(
      painted.mesh.positions, painted.mesh.faces, painted.texels, painted.texture, 1);
  float painted_step = 0, border_step = 0;
  std::int64_t border = 0;
  for (std::size_t i = 0; i + kSide < known.size(); ++i) {
    for (const std::size_t n : {i + 1, i + kSide}) {
      // Of one face: no seam, slit or fold lies between the two.
      if (painted.texels.raster.face[i] == 0 ||
          painted.texels.raster.face[i] != painted.texels.raster.face[n]) {
        continue;
      }
      float step = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        step =
            std::max(step, std::abs(painted.texture.colour[i][c] - painted.texture.colour[n][c]));
      }
      if (known[i] != 0 && known[n] != 0) painted_step = std::max(painted_step, step);
      if (known[i] == known[n]) continue;
      border_step = std::max(border_step, step);
      ++border;
    }
  }
  EXPECT_GT(border, 500);
  EXPECT_LT(painted_step, 0.1f);
  // Colours between vertices alone step by 0.5 here.
  EXPECT_LT(border_step, 1.5f * painted_step);
}

TEST(Fill, DependsOnNoThreadCount) {
  const Painted painted = half_painted_ball(300);
  const auto filled = [&](int threads) {
    Texture texture = painted.texture;
    fill_along_surface(
        painted.mesh.positions, painted.mesh.faces, painted.texels, texture, threads);
    return texture.colour;
  };
  EXPECT_TRUE(filled(1) == filled(3));
}

/// What is painted on one side of a fold goes on at the other, texel by texel along the seam.
TEST(Fill, GoesOnBeyondASeam) {
  constexpr int kSide = 128;
  const std::vector<mesh::Vec3> positions = {
      {0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {1, 0, 0}, {1, 0, 1}, {1, 1, 1}, {1, 1, 0}};
  const std::vector<mesh::Face> faces = {{0, 1, 2}, {0, 2, 3}, {4, 5, 6}, {4, 6, 7}};
  // The second square lies on its side, at another scale.
  const std::vector<std::array<float, 2>> uv = {{0.1f, 0.1f},
                                                {0.4f, 0.1f},
                                                {0.4f, 0.4f},
                                                {0.1f, 0.4f},
                                                {0.55f, 0.5f},
                                                {0.55f, 0.95f},
                                                {0.95f, 0.95f},
                                                {0.95f, 0.5f}};
  const TexelMap texels = map_texels(uv, faces, kSide, TexelGrid::centres, 2, 1);
  Texture texture{
      kSide, std::vector<Colour>(kSide * kSide), std::vector<std::uint8_t>(kSide * kSide)};
  const auto wave = [](float along) { return 0.5f + 0.3f * std::sin(12 * along); };
  const auto along_fold = [&](std::size_t i) {
    const mesh::Face& face = faces[static_cast<std::size_t>(texels.face[i] - 1)];
    return interpolate(positions.data(), face, texels.weights(faces, i))[1];
  };
  for (std::size_t i = 0; i < texels.face.size(); ++i) {
    if (texels.face[i] != 1 && texels.face[i] != 2) continue;
    texture.known[i] = 1;
    texture.colour[i] = {wave(along_fold(i)), 0.5f, 0.2f};
  }
  fill_along_surface(positions, faces, texels, texture, 1);
  std::int64_t checked = 0;
  for (std::size_t i = 0; i < texels.face.size(); ++i) {
    if (texels.face[i] != 3 && texels.face[i] != 4) continue;
    // Rows grow downwards: the fold is the lowest row of the second square, above two of margin.
    const bool margin = texels.raster.face[i] == 0;
    const std::size_t below = i + kSide;
    if (!margin && texels.raster.face[below] != 0) continue;
    const float along = along_fold(i);
    if (along < 0.1f || along > 0.9f || static_cast<int>(i) / kSide < kSide / 3) continue;
    EXPECT_NEAR(texture.colour[i][0], wave(along), margin ? 0.02f : 0.15f) << i;
    ++checked;
  }
  EXPECT_GT(checked, 80);
}

/// A needle that covers no texel's centre sticks out of a painted square. A viewer blends in the
/// texels on both sides of it, and finds what is painted beyond its seam.
TEST(Fill, ReachesAlongAFaceThinnerThanTexels) {
  constexpr int kSide = 128;
  const std::vector<mesh::Vec3> positions = {{0, 0, 0},
                                             {1, 0, 0},
                                             {1, 0.5f, 0},
                                             {1, 0.501f, 0},
                                             {1, 1, 0},
                                             {0, 1, 0},
                                             {2, 0.5f, 0},
                                             // Upright on the needle.
                                             {1, 0.5f, 0},
                                             {2, 0.5f, 0},
                                             {2, 0.5f, 1},
                                             {1, 0.5f, 1}};
  const std::vector<mesh::Face> faces = {
      {0, 1, 2}, {0, 2, 3}, {0, 3, 4}, {0, 4, 5}, {2, 6, 3}, {8, 7, 10}, {8, 10, 9}};
  constexpr std::int32_t kNeedle = 5;
  std::vector<std::array<float, 2>> uv;
  for (std::size_t v = 0; v < 7; ++v) {
    uv.push_back({0.1f + 0.3f * positions[v][0], 0.1f + 0.3f * positions[v][1]});
  }
  for (std::size_t v = 7; v < positions.size(); ++v) {
    uv.push_back({0.4f * positions[v][0], 0.55f + 0.4f * positions[v][2]});
  }
  TexelMap texels = map_texels(uv, faces, kSide, TexelGrid::centres, 2, 1);
  ASSERT_EQ(std::count(texels.raster.face.begin(), texels.raster.face.end(), kNeedle), 0);
  Texture texture{
      kSide, std::vector<Colour>(kSide * kSide), std::vector<std::uint8_t>(kSide * kSide)};
  const auto wave = [](float along) { return 0.5f + 0.3f * std::sin(12 * along); };
  for (std::size_t i = 0; i < texels.face.size(); ++i) {
    if (texels.face[i] == 0) continue;
    const mesh::Face& face = faces[static_cast<std::size_t>(texels.face[i] - 1)];
    const float along = interpolate(positions.data(), face, texels.weights(faces, i))[0];
    texture.known[i] = 1;
    texture.colour[i] = {wave(along), 0.5f, 0.2f};
  }
  const std::vector<std::int32_t> margin = texels.face;
  reach_thin_faces(faces, texels);
  for (std::size_t i = 0; i < margin.size(); ++i) {
    if (margin[i] != 0) {
      ASSERT_EQ(texels.face[i], margin[i]);
    }
  }
  fill_along_surface(positions, faces, texels, texture, 1);
  // The needle lies between two rows.
  const auto row = static_cast<int>(std::lround((1 - uv[2][1]) * kSide));
  const int begin = static_cast<int>(uv[2][0] * kSide) + 4;
  const int end = static_cast<int>(uv[6][0] * kSide);
  ASSERT_GT(end - begin, 30);
  for (int x = begin; x < end; ++x) {
    const float along =
        1 + ((static_cast<float>(x) + 0.5f) / kSide - uv[2][0]) / (uv[6][0] - uv[2][0]);
    for (const int y : {row - 1, row}) {
      const auto i = static_cast<std::size_t>(y * kSide + x);
      EXPECT_EQ(texels.face[i], kNeedle);
      EXPECT_NEAR(texture.colour[i][0], wave(along), 0.02f) << x << ", " << y;
    }
  }
}

}  // namespace
}  // namespace sinter::texture
