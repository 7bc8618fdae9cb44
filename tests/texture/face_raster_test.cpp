#include "texture/maps/face_raster.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "texture/reference_raster.h"
#include "texture/soup.h"

namespace sinter::texture {
namespace {

using mesh::Face;
using test::Kind;
using test::Random;
using test::Soup;
using test::soup;

void expect_as_reference(const Soup& soup, int width, int height, int threads) {
  const test::ReferenceRaster expected =
      test::ReferenceRasterizer(width, height).draw(soup.vertices, soup.faces);
  const FaceRaster raster = rasterize_faces(soup.vertices, soup.faces, width, height, threads);
  ASSERT_EQ(raster.face, expected.face);
  ASSERT_EQ(rasterize_faces(
                soup.vertices, soup.faces, width, height, threads, Instructions::any_processor)
                .face,
            expected.face);
  std::vector<std::array<float, 3>> weights(raster.face.size(), {0, 0, 0});
  for_each_covered(
      raster, soup.faces, 0, height, [&](int x, int y, const Face&, const std::array<float, 3>& b) {
        weights[static_cast<std::size_t>(y * width + x)] = b;
      });
  // Bit for bit.
  EXPECT_EQ(weights, expected.weights);
}

TEST(FaceRaster, IsTheReferenceBitForBit) {
  std::uint64_t seed = 0;
  for (const Kind kind :
       {Kind::small, Kind::large, Kind::slivers, Kind::on_pixel_centres, Kind::stacked}) {
    for (const bool perspective : {false, true}) {
      for (const auto& [width, height, count] : {std::array{65, 65, 60},
                                                 std::array{1, 1, 20},
                                                 std::array{333, 97, 120},
                                                 std::array{40, 501, 150}}) {
        Random random(++seed);
        SCOPED_TRACE(testing::Message() << static_cast<int>(kind) << " " << perspective << " "
                                        << width << " x " << height);
        expect_as_reference(
            soup(kind, perspective, count, random), width, height, 1 + static_cast<int>(seed % 3));
      }
    }
  }
}

TEST(FaceRaster, LongThinFacesAcrossALargePicture) {
  Random random(71);
  expect_as_reference(soup(Kind::slivers, false, 12, random), 1100, 700, 2);
  expect_as_reference(soup(Kind::large, true, 5, random), 1100, 700, 2);
}

TEST(FaceRaster, DependsNeitherOnThreadsNorOnTheOrderOfDrawing) {
  Random random(5);
  const Soup given = soup(Kind::large, false, 200, random);
  const FaceRaster one = rasterize_faces(given.vertices, given.faces, 300, 200, 1);
  for (const int threads : {2, 3, 8}) {
    EXPECT_EQ(rasterize_faces(given.vertices, given.faces, 300, 200, threads).face, one.face);
  }
  // Faces in the opposite order: every pixel shows the same face wherever depths differ by a step.
  Soup turned = given;
  std::reverse(turned.faces.begin(), turned.faces.end());
  const FaceRaster other = rasterize_faces(turned.vertices, turned.faces, 300, 200, 2);
  const auto count = static_cast<std::int32_t>(given.faces.size());
  std::size_t differ = 0;
  for (std::size_t i = 0; i < one.face.size(); ++i) {
    const std::int32_t back = other.face[i] == 0 ? 0 : count + 1 - other.face[i];
    differ += back != one.face[i];
  }
  // Duplicates (one face in seven) show their lower index both ways.
  EXPECT_LT(differ, one.face.size() / 3);
  EXPECT_GT(differ, 0u);
}

TEST(FaceRaster, TheLowerIndexWinsWithinADepthStep) {
  // One step of 2^-18 is 1 / (0.49999 * 2^18) of clip depth. 0.25 is at step 163839.3.
  const float step = 1 / (0.49999f * 262144);
  const float far = 0.25f + 0.4f * step;
  for (const float apart : {0.4f * step, 2.5f * step}) {
    std::vector<ClipVertex> vertices;
    for (const float z : {far, far - apart}) {
      vertices.push_back({-3, -3, z, 1});
      vertices.push_back({3, -3, z, 1});
      vertices.push_back({0, 5, z, 1});
    }
    const std::vector<Face> faces = {{0, 1, 2}, {3, 4, 5}};
    const FaceRaster raster = rasterize_faces(vertices, faces, 9, 9, 1);
    EXPECT_EQ(raster.face[40], apart < step ? 1 : 2);
  }
}

TEST(FaceRaster, LeavesOutWhatIsNotFiniteOrBehindTheEye) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<Face> faces = {{0, 1, 2}};
  for (const ClipVertex bad : {ClipVertex{kNan, 0, 0, 1},
                               ClipVertex{0, kInfinity, 0, 1},
                               ClipVertex{0, 0, kNan, 1},
                               ClipVertex{0, 0, 0, 0},
                               ClipVertex{0, 0, 0, -1},
                               ClipVertex{0, 0, 0, kNan},
                               ClipVertex{1e30f, 0, 0, 1},
                               ClipVertex{0, 3e30f, 0, 1e-20f}}) {
    const std::vector<ClipVertex> vertices = {{-5, -5, 0, 1}, {5, -5, 0, 1}, bad};
    const FaceRaster raster = rasterize_faces(vertices, faces, 16, 16, 2);
    EXPECT_EQ(std::count(raster.face.begin(), raster.face.end(), 0), 256);
  }
  // Far beyond 31 bits of depth steps, and behind the near end of depth.
  for (const float z : {1e9f, -1.1f}) {
    const std::vector<ClipVertex> vertices = {{-5, -5, z, 1}, {5, -5, z, 1}, {0, 5, z, 1}};
    const FaceRaster raster = rasterize_faces(vertices, faces, 16, 16, 2);
    EXPECT_EQ(std::count(raster.face.begin(), raster.face.end(), 0), 256);
  }
}

TEST(FaceRaster, RefusesWhatCannotBe) {
  const std::vector<ClipVertex> vertices(3, ClipVertex{0, 0, 0, 1});
  const std::vector<Face> bad = {{0, 1, 3}};
  EXPECT_THROW(rasterize_faces(vertices, bad, 8, 8, 1), Error);
  EXPECT_THROW(rasterize_faces(vertices, {}, 0, 8, 1), Error);
  EXPECT_THROW(rasterize_faces(vertices, {}, 8, 40000, 1), Error);
  EXPECT_EQ(rasterize_faces(vertices, {}, 8, 8, 1).face, std::vector<std::int32_t>(64, 0));
}

}  // namespace
}  // namespace sinter::texture
