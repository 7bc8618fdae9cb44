#pragma once
// Scalar fields for tests: positive inside, clamped to [-1, 1] like the decoder's.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "mesh/field.h"

namespace sinter::mesh::testing {

/// Much faster than std::hypot, whose care for huge values is not needed here.
inline double norm(double x, double y, double z = 0) {
  return std::sqrt(x * x + y * y + z * z);
}

using Function = std::function<double(double, double, double)>;

inline double uniform(std::mt19937_64& random, double low, double high) {
  // Not std::uniform_real_distribution: its values differ between standard libraries.
  return low + (high - low) * (static_cast<double>(random() >> 11) * 0x1p-53);
}

/// Signed distance, positive inside, cut off at `truncation`.
inline Function clamped(Function distance, double truncation) {
  return [=](double x, double y, double z) {
    return std::clamp(distance(x, y, z) / truncation, -1.0, 1.0);
  };
}

inline Function sphere(double cx, double cy, double cz, double radius) {
  return [=](double x, double y, double z) { return radius - norm(x - cx, y - cy, z - cz); };
}

inline Function torus(double major, double minor) {
  return [=](double x, double y, double z) { return minor - norm(norm(x, y) - major, z); };
}

/// Union of balls, some of them tiny.
inline Function random_balls(std::uint64_t seed, int count, double low, double high) {
  std::mt19937_64 random(seed);
  std::vector<std::array<double, 4>> balls;
  for (int n = 0; n < count; ++n) {
    balls.push_back({uniform(random, -0.85, 0.85),
                     uniform(random, -0.85, 0.85),
                     uniform(random, -0.85, 0.85),
                     uniform(random, low, high)});
  }
  return [=](double x, double y, double z) {
    double distance = -10;
    for (const auto& b : balls) {
      distance = std::max(distance, b[3] - norm(x - b[0], y - b[1], z - b[2]));
    }
    return distance;
  };
}

/// A wavy sheet of the given thickness: the test for features thinner than a coarse cell.
inline Function random_sheet(std::uint64_t seed, double thickness) {
  std::mt19937_64 random(seed);
  const double a = uniform(random, -0.3, 0.3), b = uniform(random, -0.3, 0.3);
  const double c = uniform(random, -0.4, 0.4);
  const double f = uniform(random, 2, 5), g = uniform(random, 2, 5);
  return [=](double x, double y, double z) {
    const double offset = z - (a * std::sin(f * x) + b * std::sin(g * y) + c);
    const double steep = norm(1, norm(a * f, b * g));
    const double sheet = 0.5 * thickness - std::abs(offset) / steep;
    return std::min(sheet, 0.8 - norm(x, y, z));
  };
}

/// Band-limited Gaussian random field: a sum of plane waves, as |gradient| near 1 in the mean.
inline Function random_waves(std::uint64_t seed, double frequency) {
  std::mt19937_64 random(seed);
  struct Wave {
    double kx, ky, kz, phase, amplitude;
  };
  std::vector<Wave> waves;
  for (int n = 0; n < 12; ++n) {
    const double z = uniform(random, -1, 1), angle = uniform(random, 0, 6.283185307179586);
    const double k = frequency * uniform(random, 0.3, 1), r = std::sqrt(1 - z * z);
    waves.push_back({k * r * std::cos(angle),
                     k * r * std::sin(angle),
                     k * z,
                     uniform(random, 0, 6.283185307179586),
                     1 / (frequency * std::sqrt(6.0))});
  }
  return [=](double x, double y, double z) {
    double sum = 0;
    for (const Wave& w : waves) {
      sum += w.amplitude * std::cos(w.kx * x + w.ky * y + w.kz * z + w.phase);
    }
    return sum;
  };
}

struct RandomField {
  Function function;
  double slope;  ///< a bound on |gradient| of `function`, after clamping
};

inline RandomField random_field(std::uint64_t seed) {
  std::mt19937_64 random(seed * 7919 + 1);
  const double truncation = uniform(random, 0.03, 0.2);
  switch (seed % 4) {
    case 0:
      return {clamped(random_balls(seed, 1 + static_cast<int>(seed % 17), 0.01, 0.5), truncation),
              1 / truncation};
    case 1:
      return {clamped(random_sheet(seed, uniform(random, 0.005, 0.1)), truncation), 1 / truncation};
    case 2: {
      // 12 waves of |gradient| at most 1 / sqrt(6) each.
      return {clamped(random_waves(seed, uniform(random, 3, 25)), truncation),
              12 / std::sqrt(6.0) / truncation};
    }
    default: {
      const auto balls = random_balls(seed, 9, 0.2, 0.7);
      const auto holes = random_balls(seed + 1000, 9, 0.05, 0.4);
      return {clamped(
                  [=](double x, double y, double z) {
                    return std::min(balls(x, y, z), -holes(x, y, z));
                  },
                  truncation),
              1 / truncation};
    }
  }
}

inline FieldSampler sampler(Function f) {
  return [f = std::move(f)](std::span<const Vec3> points, std::span<float> logits) {
    for (std::size_t n = 0; n < points.size(); ++n) {
      logits[n] = static_cast<float>(f(points[n][0], points[n][1], points[n][2]));
    }
  };
}

/// Independent noise at every point: every case of the table, everywhere. `steps` > 0 rounds to
/// multiples of 1 / steps, so that many values equal the level and each other.
inline Field noise_field(const Grid& grid, std::uint64_t seed, int steps) {
  std::mt19937_64 random(seed);
  std::vector<float> values(static_cast<std::size_t>(grid.point_count()));
  for (float& v : values) {
    const double x = uniform(random, -1, 1);
    v = static_cast<float>(steps > 0 ? std::round(x * steps) / steps : x);
  }
  return Field(grid, values);
}

}  // namespace sinter::mesh::testing
