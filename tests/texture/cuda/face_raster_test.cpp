#include "texture/cuda/face_raster.h"

#include "core/error.h"
#include "texture/cuda/device_test.h"
#include "texture/soup.h"

namespace sinter::texture::cuda {
namespace {

using test::Kind;
using test::Random;
using test::Soup;

class DeviceFaceRaster : public testing::DeviceTest {
 protected:
  DeviceRaster draw(const Soup& soup, int width, int height) {
    const Array<ClipVertex> vertices(std::span(soup.vertices), &*memory_, stream_);
    const Array<mesh::Face> faces(std::span(soup.faces), &*memory_, stream_);
    return rasterize_faces(
        vertices.data(), vertices.size(), faces, width, height, *arena_, stream_);
  }

  void expect_as_host(const Soup& soup, int width, int height) {
    const FaceRaster expected =
        texture::rasterize_faces(soup.vertices, soup.faces, width, height, 2);
    const DeviceRaster found = draw(soup, width, height);
    ASSERT_EQ(values_of(found.face), expected.face);
    const std::vector<ScreenPoint> points = values_of(found.points);
    ASSERT_EQ(points.size(), expected.points.size());
    for (std::size_t v = 0; v < points.size(); ++v) {
      const float* const a = &points[v].x;
      const float* const b = &expected.points[v].x;
      for (int i = 0; i < 4; ++i) {
        // Any NaN says the same.
        ASSERT_TRUE(a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) << v;
      }
    }
  }
};

TEST_F(DeviceFaceRaster, IsTheHostsBitForBit) {
  std::uint64_t seed = 0;
  for (const Kind kind : {Kind::small,
                          Kind::large,
                          Kind::slivers,
                          Kind::on_pixel_centres,
                          Kind::stacked,
                          Kind::broken}) {
    for (const bool perspective : {false, true}) {
      for (const auto& [width, height, count] : {std::array{65, 65, 60},
                                                 std::array{1, 1, 20},
                                                 std::array{333, 97, 3000},
                                                 std::array{40, 501, 150},
                                                 std::array{1100, 700, 400}}) {
        Random random(++seed);
        SCOPED_TRACE(::testing::Message() << static_cast<int>(kind) << " " << perspective << " "
                                          << width << " x " << height);
        expect_as_host(test::soup(kind, perspective, count, random), width, height);
      }
    }
  }
}

TEST_F(DeviceFaceRaster, FacesFromLessThanAPixelToTheWholePicture) {
  for (const float size : {1e-4f, 1e-3f, 1e-2f, 0.1f, 1.0f, 30.0f, 1e4f}) {
    Random random(static_cast<std::uint64_t>(size * 1e5f));
    Soup soup = test::soup(Kind::large, true, 120, random);
    for (std::size_t v = 0; v < soup.vertices.size(); ++v) {
      // Around the place of the face's first vertex, which every third one is.
      const ClipVertex& first = soup.vertices[v - v % 3];
      ClipVertex& p = soup.vertices[v];
      p.x = (first.x / first.w + size * (p.x / p.w - first.x / first.w)) * p.w;
      p.y = (first.y / first.w + size * (p.y / p.w - first.y / first.w)) * p.w;
    }
    SCOPED_TRACE(size);
    expect_as_host(soup, 771, 515);
  }
}

TEST_F(DeviceFaceRaster, ManyFacesAtTheSamePlaceGiveTheFirst) {
  // As many atomic operations on the same pixels as there are faces, all at one depth.
  Soup soup;
  for (int i = 0; i < 20000; ++i) {
    const auto first = static_cast<std::uint32_t>(soup.vertices.size());
    soup.vertices.insert(soup.vertices.end(),
                         {{-0.5f, -0.5f, 0, 1}, {0.5f, -0.5f, 0, 1}, {0, 0.7f, 0, 1}});
    soup.faces.push_back({first, first + 1, first + 2});
  }
  std::rotate(soup.faces.begin(), soup.faces.begin() + 7, soup.faces.end());
  const std::vector<std::int32_t> face = values_of(draw(soup, 60, 60).face);
  EXPECT_GT(std::count(face.begin(), face.end(), 1), 100);
  for (const std::int32_t shown : face) ASSERT_TRUE(shown == 0 || shown == 1) << shown;
}

TEST_F(DeviceFaceRaster, NothingToDrawAndWhatCannotBe) {
  const Soup none;
  EXPECT_EQ(values_of(draw(none, 9, 7).face), std::vector<std::int32_t>(63, 0));
  EXPECT_THROW(draw(none, 0, 7), Error);
  EXPECT_THROW(draw(none, 7, 40000), Error);
}

}  // namespace
}  // namespace sinter::texture::cuda
