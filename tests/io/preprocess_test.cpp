#include "io/preprocess.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "io/image_file.h"
#include "io/test_util.h"

namespace sinter::io {
namespace {

using test::expect_error;
using test::Random;

/// A picture of doubles: what the filters give without 8-bit and fixed-point rounding.
struct Real {
  int width = 0;
  int height = 0;
  int channels = 0;
  std::vector<double> values;

  Real(int w, int h, int c)
      : width(w), height(h), channels(c), values(static_cast<std::size_t>(w * h * c), -1000.0) {}
  double& at(int x, int y, int c) {
    return values[static_cast<std::size_t>((y * width + x) * channels + c)];
  }
};

/// Weights of the source samples that make one destination sample, along one axis.
using Weights = std::vector<std::pair<int, double>>;

/// Share of the destination interval [dx, dx + 1) * scale that each source sample covers.
Weights area_weights_shrinking(int dx, int src, int dst) {
  const double scale = static_cast<double>(src) / dst;
  const double begin = dx * scale;
  const double end = std::min((dx + 1) * scale, static_cast<double>(src));
  Weights weights;
  for (int i = static_cast<int>(begin); i < src && i < end; ++i) {
    const double share = std::min(end, i + 1.0) - std::max(begin, static_cast<double>(i));
    if (share > 0) weights.emplace_back(i, share / (end - begin));
  }
  return weights;
}

/// Two neighbours; the second counts by how far the destination sample reaches into it.
Weights area_weights_enlarging(int dx, int src, int dst) {
  const double scale = static_cast<double>(src) / dst;
  const int sx = static_cast<int>(std::floor(dx * scale));
  const double reach = (dx + 1) - (sx + 1) / scale;
  const double f = reach <= 0 ? 0 : reach - std::floor(reach);
  return {{sx, 1 - f}, {std::min(sx + 1, src - 1), f}};
}

/// Keys' cubic with A = -0.75 at half-pixel centres, borders repeated.
Weights cubic_weights(int dx, int src, int dst) {
  constexpr double kA = -0.75;
  const double centre = (dx + 0.5) * src / dst - 0.5;
  const int first = static_cast<int>(std::floor(centre));
  Weights weights;
  for (int i = first - 1; i <= first + 2; ++i) {
    const double d = std::abs(centre - i);
    const double w = d < 1 ? (kA + 2) * d * d * d - (kA + 3) * d * d + 1
                           : kA * (d * d * d - 5 * d * d + 8 * d - 4);
    weights.emplace_back(std::clamp(i, 0, src - 1), w);
  }
  return weights;
}

using Filter = Weights (*)(int, int, int);

/// The tensor product of one filter along each axis, over a cut-out of the picture.
Real filtered(const Image& image,
              int left,
              int top,
              int src_w,
              int src_h,
              int dst_w,
              int dst_h,
              Filter filter) {
  Real result(dst_w, dst_h, image.channels);
  for (int y = 0; y < dst_h; ++y) {
    const Weights rows = filter(y, src_h, dst_h);
    for (int x = 0; x < dst_w; ++x) {
      const Weights cols = filter(x, src_w, dst_w);
      for (int c = 0; c < image.channels; ++c) {
        double sum = 0;
        for (const auto& [v, wy] : rows) {
          for (const auto& [u, wx] : cols) sum += wy * wx * image.at(left + u, top + v)[c];
        }
        result.at(x, y, c) = sum;
      }
    }
  }
  return result;
}

Image random_picture(int width, int height, int channels, std::uint64_t seed) {
  Image image(width, height, channels);
  Random random(seed);
  for (auto& sample : image.pixels) sample = random.byte();
  return image;
}

/// Everything outside the rectangle gets alpha 0 but keeps its colour; inside, alpha is at least 1.
Image cut_out(int width, int height, int left, int top, int right, int bottom, std::uint64_t seed) {
  Image image = random_picture(width, height, 4, seed);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const bool inside = x >= left && x <= right && y >= top && y <= bottom;
      std::uint8_t& alpha = image.at(x, y)[3];
      alpha = inside ? std::max<std::uint8_t>(alpha, 1) : 0;
    }
  }
  return image;
}

// A float64 reference rounded to a level and OpenCV's fixed-point filters differ by at most one
// level: its weights have 11 bits, so with four taps an axis a value is off by at most 2 * 4 * 255
// / 4096 = 0.5 before either side rounds.
constexpr double kFixedPoint = 0.5;

TEST(ResizeCubic, WithinOneLevelOfTheFilter) {
  static constexpr int kCases[][3] = {
      {40, 40, 97}, {97, 97, 40}, {63, 41, 50}, {5, 3, 31}, {1, 1, 4}, {33, 33, 33}};
  for (const auto& [width, height, size] : kCases) {
    SCOPED_TRACE(testing::Message() << width << " x " << height << " to " << size);
    const Image image = random_picture(width, height, 3, static_cast<std::uint64_t>(width * size));
    Real expected = filtered(image, 0, 0, width, height, size, size, cubic_weights);
    const Image actual = resize_cubic(image, size);
    ASSERT_EQ(actual.width, size);
    ASSERT_EQ(actual.height, size);
    for (int y = 0; y < size; ++y) {
      for (int x = 0; x < size; ++x) {
        for (int c = 0; c < 3; ++c) {
          const double value = std::clamp(expected.at(x, y, c), 0.0, 255.0);
          ASSERT_NEAR(actual.at(x, y)[c], value, 0.5 + kFixedPoint) << x << " " << y << " " << c;
        }
      }
    }
  }
}

/// Where the subject goes, by the rules of upstream in float64.
struct Placement {
  int side, width, height, left, top;
};

Placement place(int image_w, int image_h, int w, int h, double border_ratio) {
  Placement p{};
  p.side = std::max(image_w, image_h);
  const double scale =
      static_cast<int>(p.side * (1 - border_ratio)) / static_cast<double>(std::max(w, h));
  p.width = static_cast<int>(w * scale);
  p.height = static_cast<int>(h * scale);
  p.left = (p.side - p.width) / 2;
  p.top = (p.side - p.height) / 2;
  return p;
}

/// Compares with the reference for an extent of w x h (last row and column left out) at (left,
/// top).
void expect_recentred(const Image& image, double border_ratio, int left, int top, int w, int h) {
  const Image actual = recenter(image, border_ratio, "a.png");
  const Placement p = place(image.width, image.height, w, h, border_ratio);
  ASSERT_EQ(actual.width, p.side);
  ASSERT_EQ(actual.height, p.side);
  ASSERT_EQ(actual.channels, 3);
  const Filter filter =
      p.width < w || p.height < h ? area_weights_shrinking : area_weights_enlarging;
  Real subject = filtered(image, left, top, w, h, p.width, p.height, filter);
  for (int y = 0; y < p.side; ++y) {
    for (int x = 0; x < p.side; ++x) {
      const int u = x - p.left;
      const int v = y - p.top;
      const bool inside = u >= 0 && u < p.width && v >= 0 && v < p.height;
      const double alpha = !inside ? 0 : image.channels == 4 ? subject.at(u, v, 3) / 255 : 1;
      for (int c = 0; c < 3; ++c) {
        const double colour = inside ? subject.at(u, v, c) : 0;
        const double value = colour * alpha + 255 * (1 - alpha);
        // Colour and alpha are each rounded to a level with the filter's error, which shifts the
        // blend by alpha * (0.5 + f) and by (255 - colour) / 255 * (0.5 + f); then the blend is
        // truncated.
        const double slack =
            (0.5 + kFixedPoint) * (image.channels == 4 ? alpha + (255 - colour) / 255 : 1);
        const double tolerance = inside ? slack : 0;
        ASSERT_LE(actual.at(x, y)[c], value + tolerance + 1e-3) << x << " " << y << " " << c;
        ASSERT_GE(actual.at(x, y)[c], value - tolerance - (inside ? 1 : 0) - 1e-3)
            << x << " " << y << " " << c;
      }
    }
  }
}

TEST(Recenter, CutOutsThatGrowAndShrink) {
  expect_recentred(cut_out(80, 60, 20, 15, 50, 40, 1), 0.15, 20, 15, 30, 25);  // grows
  expect_recentred(cut_out(80, 60, 0, 0, 79, 59, 2), 0.15, 0, 0, 79, 59);      // shrinks
  expect_recentred(cut_out(61, 90, 3, 2, 55, 88, 3), 0.15, 3, 2, 52, 86);      // shrinks, upright
  expect_recentred(cut_out(90, 40, 10, 10, 80, 13, 4), 0.15, 10, 10, 70, 3);   // a flat strip
  expect_recentred(
      cut_out(64, 64, 1, 1, 63, 63, 5), 0.5, 1, 1, 62, 62);  // almost half: no integer factor
  expect_recentred(cut_out(128, 128, 0, 0, 127, 128, 6), 0.5, 0, 0, 127, 127);
  expect_recentred(
      cut_out(101, 101, 10, 20, 74, 84, 7), 0.68, 10, 20, 64, 64);  // by exactly 2: the fast path
  expect_recentred(cut_out(33, 20, 4, 4, 9, 9, 8), 0, 4, 4, 5, 5);  // no border
}

TEST(Recenter, OpaquePicturesAreUsedWhole) {
  expect_recentred(random_picture(40, 56, 3, 9), 0.15, 0, 0, 39, 55);
  expect_recentred(random_picture(2, 2, 3, 10), 0.15, 0, 0, 1, 1);
  // An alpha of 255 everywhere is the same picture.
  const Image rgb = random_picture(30, 20, 3, 11);
  Image rgba(30, 20, 4);
  for (int y = 0; y < 20; ++y) {
    for (int x = 0; x < 30; ++x) {
      std::copy_n(rgb.at(x, y), 3, rgba.at(x, y));
      rgba.at(x, y)[3] = 255;
    }
  }
  EXPECT_EQ(recenter(rgb, 0.15, "a").pixels, recenter(rgba, 0.15, "a").pixels);
}

TEST(Recenter, HiddenColoursBleedInAsUpstream) {
  // A visible black square on invisible green: channels are resized without pre-multiplication, so
  // soft rims take on the hidden colour. Seen on the rim of an enlarged subject.
  Image image(40, 40, 4);
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < 40; ++x) {
      const bool visible =
          x == 10 || x == 29 || y == 10 || y == 29 || (x > 14 && x < 25 && y > 14 && y < 25);
      const std::uint8_t pixel[4] = {
          0,
          static_cast<std::uint8_t>(visible ? 0 : 255),
          0,
          static_cast<std::uint8_t>(visible && x >= 10 && x <= 29 && y >= 10 && y <= 29 ? 255 : 0)};
      std::copy_n(pixel, 4, image.at(x, y));
    }
  }
  expect_recentred(image, 0.15, 10, 10, 19, 19);
  const Image result = recenter(image, 0.15, "a");
  bool greener_than_red = false;
  for (std::size_t i = 0; i < result.pixels.size(); i += 3) {
    greener_than_red |= result.pixels[i + 1] > result.pixels[i] + 20;
  }
  EXPECT_TRUE(greener_than_red);
}

TEST(Recenter, EachRefusalSaysWhy) {
  const auto refuse = [](const Image& image, const std::string& why) {
    expect_error(ErrorCode::invalid_argument, "[image] photo.png: " + why, [&] {
      recenter(image, 0.15, "photo.png");
    });
  };
  refuse(Image(20, 10, 4), "no visible pixel: alpha is zero everywhere");
  refuse(cut_out(20, 10, 5, 5, 5, 5, 1),
         "the visible part is 1 x 1 pixels; expected at least 2 x 2");
  refuse(cut_out(20, 10, 5, 5, 9, 5, 1),
         "the visible part is 5 x 1 pixels; expected at least 2 x 2");
  refuse(cut_out(20, 10, 5, 2, 5, 8, 1),
         "the visible part is 1 x 7 pixels; expected at least 2 x 2");
  refuse(random_picture(1, 1, 3, 1), "the visible part is 1 x 1 pixels; expected at least 2 x 2");
  refuse(cut_out(90, 90, 0, 5, 89, 6, 1),
         "the visible part is too thin (89 x 1 pixels become 76 x 0)");
  refuse(Image(4, 4, 1), "expected RGB or RGBA, got 1 channels");
  expect_error(ErrorCode::invalid_argument, "[image] border ratio: expected 0 <= r < 1, got 1", [] {
    recenter(Image(4, 4, 4), 1, "a");
  });
  expect_error(ErrorCode::invalid_argument, "[image] size: expected 1..16384, got 0", [] {
    resize_cubic(Image(4, 4, 3), 0);
  });
}

// --- against OpenCV's Python package: tests/io/data/make_preprocess_golden.py
// -----------------------

/// The same formula as the script's.
Image golden_picture(int width, int height, int channels, int a, int b) {
  Image image(width, height, channels);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const int noise = (x * 37 + y * 101 + c * 29) % 23;
        image.at(x, y)[c] =
            static_cast<std::uint8_t>((x * (3 + c) + y * (5 - c) + x * y / 7 + noise) % 256);
      }
      if (channels == 3) continue;
      const int u = x - width / 2 - 3;
      const int v = y - height / 2;
      const int distance = u * u * 1024 / (a * a) + v * v * 1024 / (b * b);
      const int fall = distance > 1024 ? 0 : (1024 - distance) / 2;
      image.at(x, y)[3] = static_cast<std::uint8_t>(std::min(fall, 255));
    }
  }
  return image;
}

TEST(Preprocess, EqualsOpenCvPython) {
  struct Case {
    const char* name;
    int width, height, channels, a, b, size;
  };
  for (const Case& c : {Case{"enlarge", 61, 47, 4, 17, 9, 40},
                        Case{"shrink", 52, 75, 4, 40, 60, 33},
                        Case{"opaque", 64, 48, 3, 0, 0, 24},
                        Case{"tall", 30, 58, 4, 7, 29, 57}}) {
    SCOPED_TRACE(c.name);
    const Image golden =
        read_image(std::string(SINTER_SOURCE_DIR) + "/tests/io/data/preprocess_" + c.name + ".png");
    const Image actual = preprocess_image(golden_picture(c.width, c.height, c.channels, c.a, c.b),
                                          {.border_ratio = 0.15, .size = c.size},
                                          "a");
    ASSERT_EQ(actual.width, golden.width);
    ASSERT_EQ(actual.height, golden.height);
    // OpenCV 4.6 and 4.10 agree to the bit where neither uses IPP.
    EXPECT_EQ(actual.pixels, golden.pixels);
  }
}

TEST(ImageToTensor, PlanesOfLevelsFromMinusOneToOne) {
  Context context;
  const Image image = random_picture(7, 5, 3, 3);
  const Tensor tensor = image_to_tensor(context, image);
  EXPECT_EQ(tensor.shape, (Shape{1, 3, 5, 7}));
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < 5; ++y) {
      for (int x = 0; x < 7; ++x) {
        const float level = image.at(x, y)[c];
        EXPECT_EQ(tensor.f32()[(c * 5 + y) * 7 + x], level / 255.0f * 2.0f - 1.0f);
      }
    }
  }
  EXPECT_THROW(image_to_tensor(context, Image(2, 2, 4)), Error);
}

}  // namespace
}  // namespace sinter::io
