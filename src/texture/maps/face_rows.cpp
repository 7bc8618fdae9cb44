// Written with the vector types of gcc and clang: eight pixels of a row at once, in whatever
// registers the processor has. Nothing here may be fused or reordered, see face_raster.h; the file
// is compiled without contraction, and the wide build without FMA.

#include "texture/maps/face_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace sinter::texture {
namespace {

#define SINTER_INLINE inline __attribute__((always_inline))

using Floats = float __attribute__((vector_size(4 * kRowLanes)));
using Doubles = double __attribute__((vector_size(8 * kRowLanes)));
using Ints = std::int32_t __attribute__((vector_size(4 * kRowLanes)));

/// Columns of a row outside which fp32 cannot find a pixel covered. Long thin faces fill a small
/// part of their boxes.
class RowSpan {
 public:
  SINTER_INLINE RowSpan(const FaceEdges& edges, const PixelBox& box)
      : edges_(edges), box_(box), bound_(edges) {}

  /// [begin, end) of row y.
  SINTER_INLINE std::pair<std::int32_t, std::int32_t> at(int y) const {
    double low = box_.x_begin, high = box_.x_end;
    const double dy = y + 0.5 - edges_.ay;
    const double x0 = 0.5 - edges_.ax;  // from corner a to pixel 0
    const double beta_slope = -bound_.sign * edges_.acy;
    const double gamma_slope = bound_.sign * edges_.aby;
    const double beta = bound_.sign * edges_.acx * dy + beta_slope * x0;
    const double gamma = -bound_.sign * edges_.abx * dy + gamma_slope * x0;
    keep_above(beta, beta_slope, low, high);
    keep_above(gamma, gamma_slope, low, high);
    keep_above(bound_.area - beta - gamma, -beta_slope - gamma_slope, low, high);
    if (!(low < high)) return {0, 0};
    return {static_cast<std::int32_t>(low), static_cast<std::int32_t>(high)};
  }

 private:
  /// Narrows [low, high) to where value + slope x >= -slack, to whole pixels outwards.
  SINTER_INLINE void keep_above(double value, double slope, double& low, double& high) const {
    if (slope == 0) {
      if (value < -bound_.slack) high = low;
      return;
    }
    // Clamped before it is cut to an integer; cutting towards zero costs at most a pixel more.
    const double root = std::min(std::max((-bound_.slack - value) / slope, -1e9), 1e9);
    const auto whole = static_cast<double>(static_cast<std::int32_t>(root));
    if (slope > 0) {
      low = std::max(low, std::min(whole - 2, high));
    } else {
      high = std::min(high, std::max(whole + 3, low));
    }
  }

  const FaceEdges& edges_;
  const PixelBox& box_;
  CoverageBound bound_;
};

SINTER_INLINE bool any(const Ints& mask) {
  std::uint64_t words[sizeof(Ints) / 8];
  std::memcpy(words, &mask, sizeof(mask));
  std::uint64_t all = 0;
  for (const std::uint64_t word : words) all |= word;
  return all != 0;
}

SINTER_INLINE void draw_row(const FaceEdges& edges,
                            const std::array<float, 3>& sz,
                            int y,
                            std::int32_t begin,
                            std::int32_t end,
                            std::int32_t shown,
                            std::int32_t* depth,
                            std::int32_t* face) {
  constexpr Ints kIndex = {0, 1, 2, 3, 4, 5, 6, 7};
  const float dy = static_cast<float>(y) + 0.5f - edges.ay;
  const float beta_row = edges.acx * dy, gamma_row = edges.abx * dy;
  for (std::int32_t x = begin; x < end; x += kRowLanes) {
    const Ints column = x + kIndex;
    const Floats dx = __builtin_convertvector(column, Floats) + 0.5f - edges.ax;
    const Floats beta = (beta_row - dx * edges.acy) * edges.inverse_area;
    const Floats gamma = (dx * edges.aby - gamma_row) * edges.inverse_area;
    Ints covered = (beta >= 0) & (beta <= 1) & (gamma >= 0) & (gamma <= 1) & (column < end);
    if (!any(covered)) continue;
    const Floats alpha = __builtin_convertvector(
        1.0 - __builtin_convertvector(beta, Doubles) - __builtin_convertvector(gamma, Doubles),
        Floats);
    const Floats z = alpha * sz[0] + beta * sz[1] + gamma * sz[2];
    covered &= (alpha >= 0) & (alpha <= 1) & (z >= 0) & (z < kDepthLimit);
    const Floats scaled = (covered ? z : Floats{}) * kDepthSteps;
    const Ints step = __builtin_convertvector(scaled, Ints);
    Ints old_depth, old_face;
    std::memcpy(&old_depth, depth + x, sizeof(old_depth));
    std::memcpy(&old_face, face + x, sizeof(old_face));
    const Ints nearer = covered & (step < old_depth);
    const Ints new_depth = nearer ? step : old_depth;
    const Ints new_face = nearer ? Ints{} + shown : old_face;
    std::memcpy(depth + x, &new_depth, sizeof(new_depth));
    std::memcpy(face + x, &new_face, sizeof(new_face));
  }
}

SINTER_INLINE void draw_face(const ScreenPoint& a,
                             const ScreenPoint& b,
                             const ScreenPoint& c,
                             const PixelBox& box,
                             std::int32_t shown,
                             const FaceRows& rows) {
  constexpr std::int32_t kWide = 3 * kRowLanes;  // from here on a span costs less than it saves
  const FaceEdges edges(a, b, c);
  if (!std::isfinite(edges.inverse_area)) return;
  const RowSpan span(edges, box);
  const bool wide = box.x_end - box.x_begin > kWide;
  for (int y = box.y_begin; y < box.y_end; ++y) {
    const auto [begin, end] = wide ? span.at(y) : std::pair(box.x_begin, box.x_end);
    const std::int64_t row = (y - rows.first_row) * rows.stride;
    draw_row(edges, {a.z, b.z, c.z}, y, begin, end, shown, rows.depth + row, rows.face + row);
  }
}

void draw_face_anywhere(const ScreenPoint& a,
                        const ScreenPoint& b,
                        const ScreenPoint& c,
                        const PixelBox& box,
                        std::int32_t shown,
                        const FaceRows& rows) {
  draw_face(a, b, c, box, shown, rows);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) void draw_face_avx2(const ScreenPoint& a,
                                                    const ScreenPoint& b,
                                                    const ScreenPoint& c,
                                                    const PixelBox& box,
                                                    std::int32_t shown,
                                                    const FaceRows& rows) {
  draw_face(a, b, c, box, shown, rows);
}
#endif

#undef SINTER_INLINE

}  // namespace

DrawFace draw_face_for([[maybe_unused]] Instructions instructions) {
#ifdef __x86_64__
  if (instructions == Instructions::best && __builtin_cpu_supports("avx2")) return draw_face_avx2;
#endif
  return draw_face_anywhere;
}

}  // namespace sinter::texture
