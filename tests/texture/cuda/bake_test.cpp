#include "texture/cuda/bake.h"

#include <algorithm>

#include "core/error.h"
#include "texture/bake/border_blend.h"
#include "texture/bake/surface_fill.h"
#include "texture/bake/thin_faces.h"
#include "texture/bake_truth.h"
#include "texture/cuda/border_blend.h"
#include "texture/cuda/device_test.h"
#include "texture/cuda/surface_fill.h"
#include "texture/cuda/surface_links.h"
#include "texture/cuda/view_geometry.h"
#include "texture/test_meshes.h"
#include "texture/unwrap/unwrap.h"

namespace sinter::texture::cuda {
namespace {

using test::Random;

/// A surface with folds, jumps of depth, faces turned round and a part that no view sees.
mesh::TriangleMesh rough_mesh(Random& random, int rings) {
  mesh::TriangleMesh mesh =
      test::joined(test::ball(rings), test::box({0.3f, 1.5f, 0.6f}, {0.2f, 0, 0.3f}));
  mesh = test::joined(mesh, test::box({0.1f, 0.1f, 0.1f}, {0, 0, 0}));
  for (mesh::Vec3& p : mesh.positions) {
    for (float& x : p) x += random.range(-0.03f, 0.03f);
  }
  return mesh;
}

struct Subject {
  ViewMesh mesh;
  std::vector<std::array<float, 2>> uv;

  Subject(const mesh::TriangleMesh& source, const UnwrapOptions& options) {
    UnwrapResult unwrapped = unwrap_mesh(source, options);
    mesh::TriangleMesh split;
    for (const std::uint32_t v : unwrapped.source) split.positions.push_back(source.positions[v]);
    split.faces = std::move(unwrapped.faces);
    mesh = prepare_view_mesh(split);
    uv = std::move(unwrapped.uv);
  }
};

std::vector<ViewCamera> cameras() {
  std::vector<ViewCamera> cameras = default_cameras();
  cameras.push_back({.azimuth = 33, .elevation = 20, .perspective = true, .weight = 0.7});
  return cameras;
}

/// Pictures with some noise on them, every other one with a channel that nobody looks at.
std::vector<Image> pictures_of(const ViewMesh& mesh,
                               const std::vector<ViewCamera>& views,
                               int size,
                               Random& random) {
  std::vector<Image> pictures;
  for (const ViewCamera& camera : views) {
    const Image rgb = test::picture_of(mesh, camera, size);
    Image picture(size, size, pictures.size() % 2 == 0 ? 3 : 4);
    for (int y = 0; y < size; ++y) {
      for (int x = 0; x < size; ++x) {
        for (int c = 0; c < picture.channels; ++c) {
          const int level = c < 3 ? rgb.at(x, y)[c] : 0;
          picture.at(x, y)[c] =
              static_cast<std::uint8_t>(level ^ static_cast<int>(random.next() % 8));
        }
      }
    }
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

struct Difference {
  std::int64_t bytes = 0;
  int largest = 0;
};

Difference compare(const Image& a, const Image& b) {
  Difference difference;
  EXPECT_EQ(a.pixels.size(), b.pixels.size());
  for (std::size_t i = 0; i < std::min(a.pixels.size(), b.pixels.size()); ++i) {
    const int apart = std::abs(a.pixels[i] - b.pixels[i]);
    difference.bytes += apart > 0;
    difference.largest = std::max(difference.largest, apart);
  }
  return difference;
}

class DeviceBake : public testing::DeviceTest {
 protected:
  void expect_as_host(const Subject& subject,
                      const std::vector<Image>& pictures,
                      const BakeOptions& options,
                      int enlarged) {
    const BakeTarget target{subject.mesh, subject.uv, enlarged};
    RasterCache rasters(0);
    BakeReport expected, found;
    const Image host =
        texture::bake_texture(target, options.cameras, pictures, options, rasters, expected);
    const Image device =
        bake_texture(target, options.cameras, pictures, options, found, *arena_, stream_);
    const Difference difference = compare(device, host);
    if (options.method == BakeMethod::reference) {
      EXPECT_EQ(difference.bytes, 0);
    } else {
      // Sums of float64 in another order, rounded to fp32: the last bit may differ, and with it a
      // level where a colour lies between two.
      EXPECT_LE(difference.largest, 1);
      EXPECT_LE(difference.bytes, std::ssize(host.pixels) / 100000);
    }
    EXPECT_EQ(found.seen, expected.seen);
    EXPECT_EQ(found.chart_texels, expected.chart_texels);
    EXPECT_EQ(found.seen_texels, expected.seen_texels);
    EXPECT_EQ(found.filled_texels, expected.filled_texels);
    EXPECT_EQ(found.unfilled_texels, 0);
    EXPECT_EQ(found.skipped_views, expected.skipped_views);
    // Neither does anything depend on which thread of the device came first.
    BakeReport again;
    EXPECT_EQ(
        bake_texture(target, options.cameras, pictures, options, again, *arena_, stream_).pixels,
        device.pixels);
  }
};

TEST_F(DeviceBake, SeesViewsAsTheHostBitForBit) {
  Random random(5);
  const ViewMesh mesh = prepare_view_mesh(rough_mesh(random, 40));
  const auto normals = mean_normals(mesh.positions, mesh.faces, 2);
  const DeviceViewMesh there(mesh, normals, &*memory_, stream_);
  int side = 130;
  for (const ViewCamera& camera : cameras()) {
    // Radius 0 leaves the edges of the depth as they are; 300 is more than the picture.
    for (const int radius : {0, 1, 5, 8, 300}) {
      const int width = side += 9, height = 500 - side / 2;
      SCOPED_TRACE(::testing::Message() << width << " x " << height << ", radius " << radius);
      const auto raster = std::make_shared<const FaceRaster>(texture::rasterize_faces(
          project_vertices(mesh, camera_matrices(camera)), mesh.faces, width, height, 2));
      const ViewGeometry expected =
          texture::view_geometry(mesh, normals, camera, raster, radius, 2);
      const DeviceViewGeometry found =
          view_geometry(there,
                        camera,
                        rasterize_view(there, camera, width, height, *arena_, stream_),
                        radius,
                        *arena_,
                        stream_);
      EXPECT_EQ(values_of(found.depth), expected.depth);
      EXPECT_EQ(values_of(found.cosine), expected.cosine);
      EXPECT_EQ(values_of(found.reliable), expected.reliable);
    }
  }
}

TEST_F(DeviceBake, MapsTexelsAsTheHost) {
  Random random(9);
  UnwrapOptions options;
  options.texture_size = 160;
  options.threads = 2;
  const Subject subject(rough_mesh(random, 12), options);
  const Array<std::array<float, 2>> uv(std::span(subject.uv), &*memory_, stream_);
  const Array<mesh::Face> faces(std::span(subject.mesh.faces), &*memory_, stream_);
  for (const TexelGrid grid : {TexelGrid::centres, TexelGrid::corners}) {
    for (const auto& [size, margin] : {std::pair{160, 2}, {333, 0}, {64, 9}, {500, 40}}) {
      TexelMap expected =
          texture::map_texels(subject.uv, subject.mesh.faces, size, grid, margin, 2);
      DeviceTexelMap found = map_texels(uv, faces, size, grid, margin, *arena_, stream_);
      EXPECT_EQ(values_of(found.face), expected.face);
      EXPECT_EQ(values_of(found.raster.face), expected.raster.face);
      // Whatever the margin: with none there are many to reach.
      texture::reach_thin_faces(subject.mesh.faces, expected);
      reach_thin_faces(faces, found, *arena_, stream_);
      EXPECT_EQ(values_of(found.face), expected.face);
    }
  }
}

TEST_F(DeviceBake, PaintsAndFillsAsTheHost) {
  Random random(23);
  for (const auto& [texture_size, render_size, rings] :
       {std::array{256, 256, 14}, std::array{700, 512, 40}}) {
    BakeOptions options;
    options.cameras = cameras();
    options.render_size = render_size;
    options.unwrap.texture_size = texture_size;
    options.unwrap.threads = 4;
    const Subject subject(rough_mesh(random, rings), options.unwrap);
    const auto pictures = pictures_of(subject.mesh, options.cameras, render_size, random);
    for (const BakeMethod method : {BakeMethod::best, BakeMethod::reference}) {
      for (const int enlarged : {1, 3}) {
        SCOPED_TRACE(::testing::Message() << texture_size << " " << static_cast<int>(method));
        options.method = method;
        expect_as_host(subject, pictures, options, enlarged);
      }
    }
  }
}

TEST_F(DeviceBake, FillsWhateverIsKnown) {
  Random random(31);
  UnwrapOptions options;
  options.texture_size = 200;
  options.threads = 2;
  const Subject subject(rough_mesh(random, 20), options);
  const TexelMap texels =
      texture::map_texels(subject.uv, subject.mesh.faces, 200, TexelGrid::centres, 2, 2);
  const Array<std::array<float, 2>> uv(std::span(subject.uv), &*memory_, stream_);
  const DeviceViewMesh mesh(subject.mesh,
                            mean_normals(subject.mesh.positions, subject.mesh.faces, 2),
                            &*memory_,
                            stream_);
  const DeviceTexelMap there =
      map_texels(uv, mesh.faces, 200, TexelGrid::centres, 2, *arena_, stream_);
  // Of a thousand texels so many are known.
  for (const std::uint32_t known : {0u, 1u, 30u, 900u, 1000u}) {
    Texture expected{200, {}, {}};
    for (int i = 0; i < 200 * 200; ++i) {
      expected.colour.push_back({random.range(0, 1), random.range(0, 1), random.range(0, 1)});
      expected.known.push_back(random.next() % 1000 < known);
    }
    DeviceTexture found{
        .size = 200,
        .colour = Array<std::array<float, 3>>(std::span(expected.colour), &*memory_, stream_),
        .known = Array<std::uint8_t>(std::span(expected.known), &*memory_, stream_)};
    texture::fill_along_surface(subject.mesh.positions, subject.mesh.faces, texels, expected, 2);
    fill_along_surface(mesh.positions, mesh.faces, there, found, *arena_, stream_);
    EXPECT_EQ(values_of(found.known), expected.known);
    const auto colours = values_of(found.colour);
    float apart = 0;
    for (std::size_t i = 0; i < colours.size(); ++i) {
      for (std::size_t c = 0; c < 3; ++c) {
        apart = std::max(apart, std::abs(colours[i][c] - expected.colour[i][c]));
      }
    }
    EXPECT_LT(apart, 1e-5f) << known;  // a few roundings of fp32, through means of means
  }
}

TEST_F(DeviceBake, FindsTheSeamsOfTheHost) {
  Random random(41);
  UnwrapOptions options;
  options.texture_size = 300;
  options.threads = 2;
  Subject subject(rough_mesh(random, 16), options);
  // Two vertices where one was, at the same place of the atlas: no seam. And a third face on an
  // edge: no seam either.
  auto& faces = subject.mesh.faces;
  for (const std::size_t f : {std::size_t{3}, std::size_t{200}}) {
    const std::uint32_t v = faces[f][1];
    subject.mesh.positions.push_back(subject.mesh.positions[v]);
    subject.uv.push_back(subject.uv[v]);
    faces[f][1] = static_cast<std::uint32_t>(subject.uv.size() - 1);
  }
  faces.push_back({faces[7][0], faces[7][1], faces[90][2]});
  const TexelMap texels = texture::map_texels(subject.uv, faces, 300, TexelGrid::centres, 2, 2);
  const Array<mesh::Vec3> positions(std::span(subject.mesh.positions), &*memory_, stream_);
  const Array<mesh::Face> there(std::span<const mesh::Face>{faces}, &*memory_, stream_);
  const SurfaceLinks links = link_surface(positions, there, *arena_, stream_);
  const ChartSeams expected = texture::find_chart_seams(
      subject.mesh.positions, faces, values_of(links.first), texels.raster.points);
  const Array<ScreenPoint> points(std::span(texels.raster.points), &*memory_, stream_);
  const DeviceChartSeams found = find_chart_seams(there, links.first, points, *arena_, stream_);
  EXPECT_EQ(values_of(found.chart), expected.chart);
  EXPECT_GT(std::ssize(expected.other) -
                std::count(expected.other.begin(), expected.other.end(), kNoHalf),
            100);
  EXPECT_EQ(values_of(found.other), expected.other);
}

TEST_F(DeviceBake, BlendsBordersAsTheHost) {
  Random random(43);
  // Rays of one, of four and of sixteen texels at most, on faces that are painted in part.
  for (const auto& [size, rings] : {std::pair{100, 30}, {300, 6}, {1100, 5}}) {
    UnwrapOptions options;
    options.texture_size = size;
    options.threads = 2;
    const Subject subject(rough_mesh(random, rings), options);
    const auto& faces = subject.mesh.faces;
    const TexelMap texels = texture::map_texels(subject.uv, faces, size, TexelGrid::centres, 2, 2);
    Texture expected{size, {}, {}};
    for (std::size_t i = 0; i < texels.face.size(); ++i) {
      const float x = static_cast<float>(i % static_cast<std::size_t>(size));
      expected.colour.push_back({random.range(0, 1), 0.5f + 0.5f * std::sin(x / 9), 0.3f});
      expected.known.push_back(false);
      if (texels.face[i] == 0) continue;
      const mesh::Face& face = faces[static_cast<std::size_t>(texels.face[i] - 1)];
      const mesh::Vec3 place = interpolate(subject.mesh.positions, face, texels.weights(faces, i));
      expected.known[i] = place[0] + 0.5f * place[1] * place[2] < 0.03f;
    }
    const std::vector<std::uint8_t> known = expected.known;
    const Array<std::array<float, 2>> uv(std::span(subject.uv), &*memory_, stream_);
    const Array<mesh::Vec3> positions(std::span(subject.mesh.positions), &*memory_, stream_);
    const Array<mesh::Face> faces_there(std::span<const mesh::Face>{faces}, &*memory_, stream_);
    const DeviceTexelMap there =
        map_texels(uv, faces_there, size, TexelGrid::centres, 2, *arena_, stream_);
    DeviceTexture found{
        .size = size,
        .colour = Array<std::array<float, 3>>(std::span(expected.colour), &*memory_, stream_),
        .known = Array<std::uint8_t>(std::span(known), &*memory_, stream_)};
    // The blend alone, on colours that are no fill: every bit.
    const SurfaceLinks links = link_surface(positions, faces_there, *arena_, stream_);
    const texture::BorderBlend blend(
        subject.mesh.positions, faces, values_of(links.first), texels, expected, 2);
    const BorderBand band =
        find_border_band(faces_there, links.first, there, found, *arena_, stream_);
    EXPECT_GT(band.texel.size(), size);
    EXPECT_EQ(values_of(band.seams.chart),
              texture::find_chart_seams(
                  subject.mesh.positions, faces, values_of(links.first), texels.raster.points)
                  .chart);
    const auto before = expected.colour;
    blend.run(expected);
    blend_border(band, faces_there, there, found, *arena_, stream_);
    EXPECT_TRUE(values_of(found.colour) == expected.colour) << size;
    std::int64_t changed = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
      changed += expected.colour[i] != before[i];
      if (known[i] != 0 || texels.face[i] == 0) {
        ASSERT_EQ(expected.colour[i], before[i]);
      }
    }
    EXPECT_GT(changed, size);
  }
}

TEST_F(DeviceBake, RefusesPicturesOfAnotherSize) {
  Random random(2);
  BakeOptions options;
  options.render_size = 128;
  options.unwrap.texture_size = 100;
  options.unwrap.threads = 2;
  const Subject subject(test::ball(6), options.unwrap);
  const std::vector<Image> pictures(6, Image(64, 64, 3));
  BakeReport report;
  try {
    bake_texture(
        {subject.mesh, subject.uv}, options.cameras, pictures, options, report, *arena_, stream_);
    ADD_FAILURE() << "took pictures of 64 pixels";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "[bake] picture: expected RGB, 128 pixels along each side, got 64 x 64 with 3 "
                 "channels");
  }
}

}  // namespace
}  // namespace sinter::texture::cuda
