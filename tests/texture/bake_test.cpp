#include "texture/bake/bake.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "io/image_file.h"
#include "io/pillow_resize.h"
#include "texture/bake/inpaint.h"
#include "texture/bake/scatter.h"
#include "texture/bake/surface_fill.h"
#include "texture/bake/vertex_fill.h"
#include "texture/bake_truth.h"
#include "texture/test_meshes.h"
#include "texture/unwrap/unwrap.h"

namespace sinter::texture {
namespace {

using mesh::Face;
using mesh::Vec3;
using Uv = std::vector<std::array<float, 2>>;

Image data(const std::string& name) {
  return io::read_image(std::string(SINTER_SOURCE_DIR "/tests/texture/data/") + name);
}

TEST(PillowBicubic, IsPillowsByteForByte) {
  const Image noise = data("noise.png");
  for (const auto& [width, height] : {std::pair{41, 33}, std::pair{7, 33}, std::pair{23, 9}}) {
    const Image expected =
        data("bicubic_" + std::to_string(width) + "x" + std::to_string(height) + ".png");
    EXPECT_EQ(io::resize_pillow(noise, width, height, io::PillowFilter::bicubic).pixels,
              expected.pixels);
  }
  EXPECT_EQ(io::resize_pillow(noise, noise.width, noise.height, io::PillowFilter::bicubic).pixels,
            noise.pixels);
}

/// Golden picture made with OpenCV 4.10, radius 3: holes inside, on the border and one pixel wide.
TEST(Inpaint, IsOpenCvsNavierStokes) {
  const Image given = data("inpaint_in.png"), expected = data("inpaint_ns.png");
  ASSERT_EQ(given.channels, 4);
  Image image(given.width, given.height, 3);
  std::vector<Pixel> pixels;
  for (int y = 0; y < given.height; ++y) {
    for (int x = 0; x < given.width; ++x) {
      std::copy_n(given.at(x, y), 3, image.at(x, y));
      pixels.push_back(given.at(x, y)[3] == 0 ? Pixel::wanted : Pixel::known);
    }
  }
  EXPECT_GT(std::count(pixels.begin(), pixels.end(), Pixel::wanted), 150);
  EXPECT_EQ(inpaint_navier_stokes(image, pixels, 2), 0);
  int largest = 0;
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    largest = std::max(largest, std::abs(image.pixels[i] - expected.pixels[i]));
  }
  EXPECT_LE(largest, 1);  // sums in fp32, in another order
}

TEST(Inpaint, LeavesAloneWhatIsOutsideAndCountsWhatItCannotReach) {
  test::Random random(4);
  Image image(40, 30, 3);
  for (std::uint8_t& level : image.pixels) level = static_cast<std::uint8_t>(random.next());
  std::vector<Pixel> pixels(1200, Pixel::outside);
  const auto at = [&](int x, int y) -> Pixel& {
    return pixels[static_cast<std::size_t>(y * 40 + x)];
  };
  for (int y = 3; y < 12; ++y) {
    for (int x = 3; x < 15; ++x) at(x, y) = x < 9 ? Pixel::known : Pixel::wanted;
  }
  for (int y = 20; y < 24; ++y) {
    for (int x = 30; x < 35; ++x) at(x, y) = Pixel::wanted;  // an island
  }
  const Image before = image;
  EXPECT_EQ(inpaint_navier_stokes(image, pixels, 2), 20);
  for (int y = 0; y < 30; ++y) {
    for (int x = 0; x < 40; ++x) {
      const bool filled = at(x, y) == Pixel::wanted && x < 20;
      const bool same = std::equal(image.at(x, y), image.at(x, y) + 3, before.at(x, y));
      EXPECT_TRUE(filled || same) << x << ", " << y;
    }
  }
  EXPECT_FALSE(std::equal(image.at(12, 6), image.at(12, 6) + 3, before.at(12, 6)));
}

/// A strip of squares along x whose vertices have texels of their own.
struct Strip {
  std::vector<Vec3> positions;
  std::vector<Face> faces;
  Uv uv;
  Texture texture;
};

Strip strip(int squares, int size) {
  Strip s;
  for (int i = 0; i <= squares; ++i) {
    for (int j = 0; j < 2; ++j) {
      s.positions.push_back({static_cast<float>(i), static_cast<float>(j), 0});
      s.uv.push_back({static_cast<float>(2 * i + 1) / static_cast<float>(size - 1),
                      static_cast<float>(2 * j + 1) / static_cast<float>(size - 1)});
    }
  }
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(squares); ++i) {
    s.faces.push_back({2 * i, 2 * i + 2, 2 * i + 3});
    s.faces.push_back({2 * i, 2 * i + 3, 2 * i + 1});
  }
  const auto texels = static_cast<std::size_t>(size * size);
  s.texture = {size, std::vector<std::array<float, 3>>(texels), std::vector<std::uint8_t>(texels)};
  return s;
}

std::size_t texel(const Strip& s, std::size_t v) {
  const double last = s.texture.size - 1;
  return static_cast<std::size_t>(std::nearbyint((1 - static_cast<double>(s.uv[v][1])) * last) *
                                      s.texture.size +
                                  std::nearbyint(static_cast<double>(s.uv[v][0]) * last));
}

/// The algorithm written down again, on lists of vectors.
std::pair<std::vector<std::array<float, 3>>, int> slow_fill(const Strip& s) {
  std::vector<std::vector<std::uint32_t>> next(s.positions.size());
  std::vector<std::array<float, 3>> colour(s.positions.size());
  std::vector<bool> coloured(s.positions.size());
  std::vector<std::uint32_t> list;
  for (const Face& face : s.faces) {
    for (std::size_t k = 0; k < 3; ++k) {
      const std::uint32_t v = face[k];
      if (s.texture.known[texel(s, v)] > 0) {
        coloured[v] = true;
        colour[v] = s.texture.colour[texel(s, v)];
      } else {
        list.push_back(v);
      }
      next[v].push_back(face[(k + 1) % 3]);
    }
  }
  int lives = 2, sweeps = 0;
  std::size_t last = 0;
  while (lives > 0) {
    ++sweeps;
    std::size_t left = 0;
    for (const std::uint32_t v : list) {
      std::array<float, 3> sum{};
      float total = 0;
      for (const std::uint32_t n : next[v]) {
        if (!coloured[n]) continue;
        const float d = std::hypot(s.positions[v][0] - s.positions[n][0],
                                   s.positions[v][1] - s.positions[n][1],
                                   s.positions[v][2] - s.positions[n][2]);
        const float weight = std::pow(1 / std::max(d, 1e-4f), 2.0f);
        for (std::size_t c = 0; c < 3; ++c) sum[c] += weight * colour[n][c];
        total += weight;
      }
      if (total > 0) {
        for (std::size_t c = 0; c < 3; ++c) colour[v][c] = sum[c] / total;
        coloured[v] = true;
      } else {
        ++left;
      }
    }
    lives += left == last ? -1 : 1;
    last = left;
  }
  return {colour, sweeps};
}

TEST(VertexFill, IsTheReferencesStepByStep) {
  Strip s = strip(9, 32);
  for (const std::size_t v : {std::size_t{18}, std::size_t{19}}) {
    s.texture.known[texel(s, v)] = 1;
    s.texture.colour[texel(s, v)] = {0.25f * static_cast<float>(v - 17), 0.9f, 0.1f};
  }
  const auto [expected, sweeps] = slow_fill(s);
  const VertexFill result = fill_vertices(s.positions, s.faces, s.uv, 2, s.texture);
  EXPECT_EQ(result.sweeps, sweeps);
  EXPECT_GT(sweeps, 4);
  EXPECT_EQ(result.filled_vertices, 18);
  for (std::size_t v = 0; v < s.positions.size(); ++v) {
    EXPECT_EQ(s.texture.known[texel(s, v)], 1);
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_NEAR(s.texture.colour[texel(s, v)][c], expected[v][c], 2e-6) << v;
    }
  }
}

TEST(VertexFill, StopsWhereNothingIsKnown) {
  Strip s = strip(3, 16);
  // All uncoloured in the first sweep, which is a change from 0; then two lives are lost twice.
  EXPECT_EQ(fill_vertices(s.positions, s.faces, s.uv, 2, s.texture).sweeps, 4);
  EXPECT_EQ(std::count(s.texture.known.begin(), s.texture.known.end(), 1), 0);
}

TEST(ViewMerge, SkipsAViewThatBringsNothingNew) {
  const auto view = [](float first, float level) {
    ScatteredView result;
    result.colour.assign(400, {level, level / 2, 0});
    result.cosine.assign(400, 0);
    for (std::size_t i = static_cast<std::size_t>(first); i < 300; ++i) result.cosine[i] = 0.5f;
    return result;
  };
  ViewMerge merge(20);
  EXPECT_TRUE(merge.add(view(100, 0.8f), 1, 2));
  EXPECT_FALSE(merge.add(view(101, 0.4f), 1, 2));  // 199 of 199 were painted
  EXPECT_FALSE(merge.add(view(99, 0.4f), 1, 2));   // 200 of 201: 99.5 %
  EXPECT_TRUE(merge.add(view(50, 0.4f), 0.5, 2));
  const Texture texture = merge.finish();
  EXPECT_EQ(texture.known[49], 0);
  EXPECT_EQ(texture.known[50], 1);
  EXPECT_NEAR(texture.colour[60][0], 0.4, 1e-6);
  EXPECT_NEAR(texture.colour[200][0], (0.8 + 0.5 * 0.4) / 1.5, 1e-6);
  EXPECT_NEAR(texture.colour[200][1], (0.4 + 0.5 * 0.2) / 1.5, 1e-6);
}

struct Target {
  ViewMesh mesh;
  Uv uv;
};

Target target_of(const mesh::TriangleMesh& source, const UnwrapOptions& options) {
  const UnwrapResult unwrapped = unwrap_mesh(source, options);
  mesh::TriangleMesh split;
  for (const std::uint32_t v : unwrapped.source) split.positions.push_back(source.positions[v]);
  split.faces = unwrapped.faces;
  return {prepare_view_mesh(split), unwrapped.uv};
}

BakeOptions small_options(BakeMethod method) {
  BakeOptions options;
  options.method = method;
  options.render_size = 256;
  options.unwrap.texture_size = 256;
  options.unwrap.threads = 1;
  return options;
}

std::vector<Image> pictures_of(const Target& target, const BakeOptions& options) {
  std::vector<Image> pictures;
  for (const ViewCamera& camera : options.cameras) {
    pictures.push_back(test::picture_of(target.mesh, camera, options.render_size));
  }
  return pictures;
}

Image baked(const Target& target, const BakeOptions& options, BakeReport& report) {
  RasterCache rasters(0);
  return bake_texture({target.mesh, target.uv},
                      options.cameras,
                      pictures_of(target, options),
                      options,
                      rasters,
                      report);
}

/// Scattering a view's own places puts every texel where it is on the surface.
TEST(Scatter, PutsEveryPixelWhereItBelongs) {
  const BakeOptions options = small_options(BakeMethod::reference);
  const Target target = target_of(test::ball(16), options.unwrap);
  const auto normals = mean_normals(target.mesh.positions, target.mesh.faces, 1);
  RasterCache rasters(0);
  const ViewCamera camera;
  const ViewGeometry view = view_geometry(
      target.mesh, normals, camera, rasters.get(target.mesh, camera, 256, 256, 1), 1, 1);
  const ScatteredView spread =
      scatter_view(target.mesh, target.uv, view, test::picture_of(target.mesh, camera, 256), 256);
  const TexelMap texels = map_texels(target.uv, target.mesh.faces, 256, TexelGrid::corners, 0, 1);
  std::int64_t checked = 0;
  double error = 0, turned = 0;
  for (std::size_t i = 0; i < texels.face.size(); ++i) {
    if (texels.face[i] == 0 || !(spread.cosine[i] > 0.5f)) continue;
    const Face& face = target.mesh.faces[static_cast<std::size_t>(texels.face[i] - 1)];
    const Vec3 place =
        interpolate(target.mesh.positions, face, texels.weights(target.mesh.faces, i));
    const auto truth = test::colour_at(place);
    for (std::size_t c = 0; c < 3; ++c) {
      error += std::abs(static_cast<double>(spread.colour[i][c] - truth[c]));
    }
    // Inner y points at the viewer in the front view, the cosine on a ball is y / radius.
    turned += std::abs(static_cast<double>(spread.cosine[i] - place[1] / 0.575f));
    checked += 3;
  }
  EXPECT_GT(checked, 3000);
  // A pixel is 0.005 wide, the colours change by 0.2 * 31 in a unit: a third of 0.03.
  EXPECT_LT(error / static_cast<double>(checked), 0.01);
  EXPECT_LT(3 * turned / static_cast<double>(checked), 0.02);  // the ball has facets
}

TEST(Bake, PaintsWhatTheViewsShow) {
  mesh::TriangleMesh mesh =
      test::joined(test::ball(20), test::box({0.3f, 0.2f, 0.2f}, {1.2f, 0, 0.4f}));
  const auto bake_with = [&](BakeMethod method) {
    const BakeOptions options = small_options(method);
    const Target target = target_of(mesh, options.unwrap);
    BakeReport report;
    const Image texture = baked(target, options, report);
    EXPECT_EQ(report.unfilled_texels, 0);
    EXPECT_GT(report.seen_texels, report.chart_texels * 7 / 10);
    EXPECT_LT(report.seen_texels, report.chart_texels);
    return test::compare_with_truth(target.mesh,
                                    target.uv,
                                    texture,
                                    128,
                                    [&](std::size_t i) { return report.seen[i] != 0; })
        .decibels();
  };
  const double best = bake_with(BakeMethod::best), reference = bake_with(BakeMethod::reference);
  // Waves of eight texels here, sampled twice by linear filters; 40 dB and more at 2048.
  EXPECT_GT(best, 32);
  EXPECT_GT(reference, 22);
  EXPECT_GT(best, reference);
}

TEST(Bake, DependsOnNoThreadCount) {
  for (const BakeMethod method : {BakeMethod::best, BakeMethod::reference}) {
    BakeOptions options = small_options(method);
    const Target target = target_of(test::ball(12), options.unwrap);
    BakeReport report;
    const Image one = baked(target, options, report);
    options.unwrap.threads = 3;
    EXPECT_EQ(baked(target, options, report).pixels, one.pixels);
  }
}

TEST(Bake, LeavesNoTexelOfAChartWithoutColour) {
  // A ball inside a ball: no view sees it.
  mesh::TriangleMesh mesh = test::ball(10);
  mesh::TriangleMesh inner = mesh;
  for (Vec3& p : inner.positions) p = {0.5f * p[0], 0.5f * p[1], 0.5f * p[2]};
  mesh = test::joined(mesh, inner);
  for (const BakeMethod method : {BakeMethod::best, BakeMethod::reference}) {
    const BakeOptions options = small_options(method);
    const Target target = target_of(mesh, options.unwrap);
    BakeReport report;
    const Image texture = baked(target, options, report);
    EXPECT_EQ(report.unfilled_texels, 0);
    const TexelMap texels = map_texels(target.uv, target.mesh.faces, 256, TexelGrid::centres, 0, 1);
    std::int64_t black = 0;
    for (std::size_t i = 0; i < texels.face.size(); ++i) {
      const std::uint8_t* p = texture.pixels.data() + 3 * i;
      black += texels.face[i] != 0 && p[0] == 0 && p[1] == 0 && p[2] == 0;
    }
    EXPECT_EQ(black, 0);  // the truth has no level below 25
  }
}

TEST(SurfaceFill, CrossesSeams) {
  // Two squares that share an edge's places but no vertex, far apart in the atlas.
  const std::vector<Vec3> positions = {
      {0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 0}, {1, 0, 0}, {2, 0, 0}, {2, 1, 0}, {1, 1, 0}};
  const std::vector<Face> faces = {{0, 1, 2}, {0, 2, 3}, {4, 5, 6}, {4, 6, 7}};
  const Uv uv = {{0.1f, 0.1f},
                 {0.3f, 0.1f},
                 {0.3f, 0.3f},
                 {0.1f, 0.3f},
                 {0.6f, 0.6f},
                 {0.9f, 0.6f},
                 {0.9f, 0.9f},
                 {0.6f, 0.9f}};
  const TexelMap texels = map_texels(uv, faces, 64, TexelGrid::centres, 0, 1);
  Texture texture{64, std::vector<std::array<float, 3>>(4096), std::vector<std::uint8_t>(4096)};
  std::int64_t blank = 0;
  for (std::size_t i = 0; i < 4096; ++i) {
    if (texels.face[i] == 1 || texels.face[i] == 2) {
      texture.known[i] = 1;
      texture.colour[i] = {0.2f, 0.4f, 0.6f};
    }
    blank += texels.face[i] > 2;
  }
  EXPECT_EQ(fill_along_surface(positions, faces, texels, texture, 1), blank);
  for (std::size_t i = 0; i < 4096; ++i) {
    if (texels.face[i] <= 2) continue;
    EXPECT_NEAR(texture.colour[i][1], 0.4, 1e-5);
  }
}

}  // namespace
}  // namespace sinter::texture
