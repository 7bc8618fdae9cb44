#include "texture/unwrap/validate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "texture/unwrap/coverage.h"
#include "texture/unwrap/measure.h"

namespace sinter::texture {
namespace {

using Triangle = Coverage::Triangle;
using Point = Coverage::Point;

Triangle texel_triangle(const UnwrapResult& result, std::size_t f, int texture_size) {
  Triangle t;
  for (std::size_t k = 0; k < 3; ++k) {
    for (std::size_t axis = 0; axis < 2; ++axis) {
      t[k][axis] = static_cast<double>(result.uv[result.faces[f][k]][axis]) * texture_size;
    }
  }
  return t;
}

/// The chart that touches each texel.
class TexelOwners {
 public:
  explicit TexelOwners(int texture_size) : side_(texture_size) {
    owner_.assign(static_cast<std::size_t>(side_) * static_cast<std::size_t>(side_), kNobody);
  }

  void add(const Triangle& triangle, std::int32_t chart) {
    constexpr double kReach = 1.0 / 256;
    double low = triangle[0][1], high = low;
    for (const Point& p : triangle) {
      low = std::min(low, p[1]);
      high = std::max(high, p[1]);
    }
    for (int y = texel(low + kReach); y <= texel(high - kReach); ++y) {
      // the part of the triangle in this row
      double left = side_, right = 0;
      const double bottom = y + kReach, top = y + 1 - kReach;
      for (std::size_t k = 0; k < 3; ++k) {
        const Point &a = triangle[k], &b = triangle[(k + 1) % 3];
        for (const double level : {std::clamp(a[1], bottom, top), std::clamp(b[1], bottom, top)}) {
          if (level < std::min(a[1], b[1]) || level > std::max(a[1], b[1])) continue;
          const double t = b[1] != a[1] ? (level - a[1]) / (b[1] - a[1]) : 0;
          const double x = a[0] + t * (b[0] - a[0]);
          left = std::min(left, x);
          right = std::max(right, x);
        }
      }
      for (int x = texel(left + kReach); x <= texel(right - kReach); ++x) {
        auto& owner = owner_[static_cast<std::size_t>(y) * static_cast<std::size_t>(side_) +
                             static_cast<std::size_t>(x)];
        if (owner == kNobody) {
          owner = chart;
        } else if (owner != chart) {
          owner = kShared;
        }
      }
    }
  }

  std::int64_t shared() const { return std::count(owner_.begin(), owner_.end(), kShared); }

  /// Windows of gutter + 1 texels each way that meet two charts, counted by their lower left texel.
  std::int64_t crowded(int gutter) const {
    // lowest and highest owner in the window, first along rows, then along columns
    std::vector<std::int32_t> low(owner_), high(owner_);
    for (std::int32_t& owner : low) owner = owner < 0 ? kNone : owner;
    spread(low, high, 1, gutter);
    spread(low, high, static_cast<std::size_t>(side_), gutter);
    std::int64_t crowded = 0;
    for (std::size_t i = 0; i < low.size(); ++i) crowded += low[i] != kNone && high[i] != low[i];
    return crowded;
  }

 private:
  static constexpr std::int32_t kNobody = -1, kShared = -2;
  static constexpr std::int32_t kNone = 0x7fffffff;

  int texel(double value) const {
    return std::clamp(static_cast<int>(std::floor(value)), 0, side_ - 1);
  }

  void spread(std::vector<std::int32_t>& low,
              std::vector<std::int32_t>& high,
              std::size_t step,
              int gutter) const {
    const auto side = static_cast<std::size_t>(side_);
    for (std::size_t i = 0; i < low.size(); ++i) {
      const std::size_t at = step == 1 ? i % side : i / side;
      const std::size_t reach = std::min(static_cast<std::size_t>(gutter), side - 1 - at);
      for (std::size_t k = 1; k <= reach; ++k) {
        low[i] = std::min(low[i], low[i + k * step]);
        high[i] = std::max(high[i], high[i + k * step]);
      }
    }
  }

  int side_;
  std::vector<std::int32_t> owner_;
};

void check_sizes(const mesh::TriangleMesh& mesh, const UnwrapResult& result) {
  SINTER_CHECK(result.faces.size() == mesh.faces.size() && result.chart.size() == mesh.faces.size(),
               ErrorCode::invalid_argument,
               "[check_unwrap] result: expected ",
               mesh.faces.size(),
               " faces and charts, got ",
               result.faces.size(),
               " and ",
               result.chart.size());
  SINTER_CHECK(result.source.size() == result.uv.size(),
               ErrorCode::invalid_argument,
               "[check_unwrap] result: expected uv for ",
               result.source.size(),
               " vertices, got ",
               result.uv.size());
}

}  // namespace

UnwrapCheck check_unwrap(const mesh::TriangleMesh& mesh,
                         const UnwrapResult& result,
                         int texture_size,
                         int gutter) {
  check_sizes(mesh, result);
  UnwrapCheck check;
  for (const auto& uv : result.uv) {
    check.out_of_range += !(uv[0] >= 0 && uv[0] <= 1 && uv[1] >= 0 && uv[1] <= 1);
  }
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    for (std::size_t k = 0; k < 3; ++k) {
      const std::uint32_t v = result.faces[f][k];
      check.wrong_corners += v >= result.source.size() || result.source[v] != mesh.faces[f][k];
    }
  }
  if (check.out_of_range > 0 || check.wrong_corners > 0) return check;

  check.flipped_faces = measure_atlas(mesh, result, texture_size, texture_size).flipped_faces;
  Coverage coverage(texture_size, 2, Coverage::Mirrored::taken_off);
  TexelOwners owners(texture_size);
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    if (result.chart[f] < 0) continue;
    const Triangle triangle = texel_triangle(result, f, texture_size);
    coverage.add(triangle);
    owners.add(triangle, result.chart[f]);
  }
  check.covered_twice = coverage.shared();
  check.shared_texels = owners.shared();
  check.crowded_texels = owners.crowded(gutter);
  return check;
}

}  // namespace sinter::texture
