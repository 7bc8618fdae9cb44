#include "matting/built_in.h"

#include <cmath>
#include <cstdint>

#include "matting/support.h"

namespace sinter::matting {
namespace {

/// Uniform in -1..1, the same on every machine.
class Random {
 public:
  double next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state_ >> 33) / 1073741824.0 - 1;
  }

 private:
  std::uint64_t state_ = 17;
};

/// Opacity of a ring with a handle's hole and a soft edge of one pixel; off centre.
double ring(double x, double y, double side) {
  const double r = std::hypot(x - 0.47 * side, y - 0.55 * side);
  const double outer = std::clamp(0.33 * side - r + 0.5, 0.0, 1.0);
  const double inner = std::clamp(r - 0.13 * side + 0.5, 0.0, 1.0);
  return outer * inner;
}

struct Scene {
  Image picture;
  std::vector<double> alpha;
};

/// \param background level of channel c at (x, y), 0..1 each
Scene scene(int side, double noise, const std::function<double(double, double, int)>& background) {
  Scene result{Image(side, side, 3), {}};
  Random random;
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const double a = ring(x, y, side);
      result.alpha.push_back(a);
      for (int c = 0; c < 3; ++c) {
        const double subject = (c == 0 ? 150 : c == 1 ? 70 : 40) + 40.0 * x / side;
        const double under = background(double(x) / side, double(y) / side, c);
        const double level = a * subject + (1 - a) * under + noise * 1.7 * random.next();
        result.picture.at(x, y)[c] =
            static_cast<std::uint8_t>(std::clamp(std::lround(level), 0l, 255l));
      }
    }
  }
  return result;
}

struct Score {
  double iou = 0, error = 0;
};

Score score(const Scene& scene) {
  const Image matte = built_in_matte(scene.picture, "scene");
  double both = 0, either = 0, error = 0;
  for (std::size_t i = 0; i < scene.alpha.size(); ++i) {
    const bool a = scene.alpha[i] >= 0.5, b = matte.pixels[i] >= 128;
    both += a && b;
    either += a || b;
    error += std::abs(scene.alpha[i] - matte.pixels[i] / 255.0);
  }
  return {both / either, error / static_cast<double>(scene.alpha.size())};
}

/// A soft shadow beside the ring, half as bright as the background in its middle.
double shadow(double x, double y) {
  return 1 - 0.45 * std::exp(-(std::pow(x - 0.8, 2) + std::pow(y - 0.85, 2)) / 0.008);
}

TEST(BuiltIn, FindsTheSubjectAndItsHole) {
  const auto expect = [](const char* name, const Scene& s, double iou, double error) {
    const Score got = score(s);
    EXPECT_GE(got.iou, iou) << name;
    EXPECT_LE(got.error, error) << name;
  };
  // About three times what is measured; a mask that misses the hole has an IoU of 0.84.
  expect("plain", scene(300, 0, [](double, double, int) { return 235.0; }), 0.985, 0.006);
  expect("larger than the working size",
         scene(700, 1, [](double, double, int c) { return 90.0 + 30 * c; }),
         0.985,
         0.006);
  expect("gradient",
         scene(300, 2, [](double x, double y, int c) { return 120 + 70 * x + 40 * y + 5 * c; }),
         0.985,
         0.006);
  expect("vignette",
         scene(300,
               2,
               [](double x, double y, int) {
                 return 230 - 150 * (std::pow(x - 0.5, 2) + std::pow(y - 0.5, 2));
               }),
         0.985,
         0.006);
  expect("noise", scene(300, 8, [](double, double, int) { return 225.0; }), 0.98, 0.01);
  expect("shadow",
         scene(300, 1, [](double x, double y, int) { return 240 * shadow(x, y); }),
         0.97,
         0.012);
}

TEST(BuiltIn, SamePictureSameBytes) {
  const Scene s = scene(200, 5, [](double x, double, int c) { return 140 + 50 * x + 10 * c; });
  const Image first = built_in_matte(s.picture, "scene");
  // Another picture in between draws from the same generators.
  built_in_matte(scene(150, 3, [](double, double, int) { return 30.0; }).picture, "scene");
  EXPECT_EQ(built_in_matte(s.picture, "scene").pixels, first.pixels);
}

TEST(BuiltIn, SubjectsAtTheBorder) {
  // A column from the lower edge up, on white: the border is not background there.
  Image image(200, 240, 3);
  for (int y = 0; y < 240; ++y) {
    for (int x = 0; x < 200; ++x) {
      const bool inside = x >= 60 && x < 150 && y >= 80;
      for (int c = 0; c < 3; ++c)
        image.at(x, y)[c] = static_cast<std::uint8_t>(inside ? 40 * c : 250);
    }
  }
  const Image matte = built_in_matte(image, "column");
  EXPECT_EQ(matte.at(100, 239)[0], 255);
  EXPECT_EQ(matte.at(100, 90)[0], 255);
  EXPECT_EQ(matte.at(30, 239)[0], 0);
  EXPECT_EQ(matte.at(100, 60)[0], 0);
}

TEST(BuiltIn, StrangeShapesAreSurvived) {
  for (const auto& [width, height] : {std::pair(8, 8), {9, 2000}, {3000, 8}, {8, 33}}) {
    Image image(width, height, 4);
    Random random;
    for (auto& level : image.pixels) level = static_cast<std::uint8_t>(127 + 120 * random.next());
    const Image matte = built_in_matte(image, "strange");
    EXPECT_EQ(matte.pixels.size(), static_cast<std::size_t>(width * height));
  }
}

}  // namespace
}  // namespace sinter::matting
