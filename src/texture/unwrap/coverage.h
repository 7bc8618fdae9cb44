#pragma once
// How many triangles cover each point of a grid over the atlas, edges counted once.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace sinter::texture {

class Coverage {
 public:
  /// In texels.
  using Point = std::array<double, 2>;
  using Triangle = std::array<Point, 3>;

  /// What a mirrored triangle does to the count: where a chart is folded, twice up and once down is
  /// covered once.
  enum class Mirrored { taken_off, counted };

  /// Points lie in the middle of squares, `points_per_texel` along each axis.
  Coverage(int texture_size, int points_per_texel, Mirrored mirrored)
      : points_per_texel_(points_per_texel),
        side_(std::int64_t{texture_size} * points_per_texel),
        mirrored_(mirrored) {
    counts_.assign(static_cast<std::size_t>(side_) * static_cast<std::size_t>(side_), 0);
  }

  /// Corners are rounded to 1/256 of the way between two points, so triangles that share an edge
  /// share it exactly. Inside of the atlas.
  void add(const Triangle& triangle) {
    std::array<std::array<std::int64_t, 2>, 3> p;
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t axis = 0; axis < 2; ++axis) {
        p[k][axis] =
            std::llround(triangle[k][axis] * static_cast<double>(points_per_texel_ * kSteps));
      }
    }
    const auto side_of = [](const auto& a, const auto& b, std::int64_t x, std::int64_t y) {
      return (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]);
    };
    const std::int64_t area = side_of(p[0], p[1], p[2][0], p[2][1]);
    if (area == 0) return;
    if (area < 0) std::swap(p[1], p[2]);
    const int step = area > 0 || mirrored_ == Mirrored::counted ? 1 : -1;
    // of two triangles at an edge, the one on its left or above owns the points on it
    const auto owns = [](const auto& a, const auto& b) {
      return b[1] < a[1] || (b[1] == a[1] && b[0] > a[0]) ? 0 : 1;
    };
    const auto [x0, x1] = std::minmax({p[0][0], p[1][0], p[2][0]});
    const auto [y0, y1] = std::minmax({p[0][1], p[1][1], p[2][1]});
    for (std::int64_t y = first_point(y0); y * kSteps + kSteps / 2 <= y1 && y < side_; ++y) {
      for (std::int64_t x = first_point(x0); x * kSteps + kSteps / 2 <= x1 && x < side_; ++x) {
        bool inside = true;
        for (std::size_t k = 0; k < 3; ++k) {
          const auto &a = p[k], &b = p[(k + 1) % 3];
          inside &= side_of(a, b, x * kSteps + kSteps / 2, y * kSteps + kSteps / 2) >= owns(a, b);
        }
        auto& count = counts_[static_cast<std::size_t>(y * side_ + x)];
        if (inside && std::abs(count) < 100) count = static_cast<std::int8_t>(count + step);
      }
    }
  }

  /// Points that more than one triangle covers.
  std::int64_t shared() const {
    return std::count_if(counts_.begin(), counts_.end(), [](std::int8_t n) { return n > 1; });
  }

 private:
  static constexpr std::int64_t kSteps = 256;  // roundings between points

  static std::int64_t first_point(std::int64_t low) {
    return std::max<std::int64_t>(0, (low - kSteps / 2 + kSteps - 1) / kSteps);
  }

  int points_per_texel_;
  std::int64_t side_;
  Mirrored mirrored_;
  std::vector<std::int8_t> counts_;
};

}  // namespace sinter::texture
