#include "io/pillow_resize.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace sinter::io {
namespace {

constexpr double kLobes = 3;
constexpr double kCubicReach = 2;
constexpr double kPi = 3.14159265358979323846;
constexpr int kFractionBits = 22;

double sinc(double x) {
  return x == 0 ? 1.0 : std::sin(x * kPi) / (x * kPi);
}

double lanczos(double x) {
  return x >= -kLobes && x < kLobes ? sinc(x) * sinc(x / kLobes) : 0.0;
}

double bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < kCubicReach) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/// The source samples that one result sample mixes.
struct Taps {
  int first = 0;
  std::vector<int> weights;
};

std::vector<Taps> make_taps(int source, int result, PillowFilter filter) {
  const double scale = static_cast<double>(source) / result;
  const double widening = std::max(scale, 1.0);
  const bool cubic = filter == PillowFilter::bicubic;
  const double support = (cubic ? kCubicReach : kLobes) * widening;
  std::vector<Taps> taps(static_cast<std::size_t>(result));
  std::vector<double> weights;
  for (int i = 0; i < result; ++i) {
    Taps& tap = taps[static_cast<std::size_t>(i)];
    const double centre = (i + 0.5) * scale;
    tap.first = std::max(0, static_cast<int>(centre - support + 0.5));
    const int end = std::min(source, static_cast<int>(centre + support + 0.5));
    weights.clear();
    double sum = 0;
    for (int s = tap.first; s < end; ++s) {
      const double x = (s - centre + 0.5) * (1 / widening);
      weights.push_back(cubic ? bicubic(x) : lanczos(x));
      sum += weights.back();
    }
    for (const double weight : weights) {
      const double fixed = weight / sum * (1 << kFractionBits);
      tap.weights.push_back(static_cast<int>(fixed < 0 ? fixed - 0.5 : fixed + 0.5));
    }
  }
  return taps;
}

/// `step` samples apart in the source.
std::uint8_t mix(const Taps& taps, const std::uint8_t* source, std::size_t step) {
  int sum = 1 << (kFractionBits - 1);
  for (std::size_t i = 0; i < taps.weights.size(); ++i) {
    sum += source[(static_cast<std::size_t>(taps.first) + i) * step] * taps.weights[i];
  }
  return static_cast<std::uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}

Image resize_rows(const Image& image, int width, PillowFilter filter) {
  if (width == image.width) return image;
  const std::vector<Taps> taps = make_taps(image.width, width, filter);
  Image result(width, image.height, image.channels);
  const auto step = static_cast<std::size_t>(image.channels);
  for (int y = 0; y < result.height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < image.channels; ++c) {
        result.at(x, y)[c] = mix(taps[static_cast<std::size_t>(x)], image.at(0, y) + c, step);
      }
    }
  }
  return result;
}

Image resize_columns(const Image& image, int height, PillowFilter filter) {
  if (height == image.height) return image;
  const std::vector<Taps> taps = make_taps(image.height, height, filter);
  Image result(image.width, height, image.channels);
  const std::size_t step =
      static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.channels);
  for (int y = 0; y < height; ++y) {
    for (std::size_t i = 0; i < step; ++i) {
      result.at(0, y)[i] = mix(taps[static_cast<std::size_t>(y)], image.pixels.data() + i, step);
    }
  }
  return result;
}

}  // namespace

Image resize_pillow(const Image& image, int width, int height, PillowFilter filter) {
  return resize_columns(resize_rows(image, width, filter), height, filter);
}

}  // namespace sinter::io
