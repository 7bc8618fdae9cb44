#pragma once
// Which texels hang together, in a chart and across its seams, for the host and for kernels;
// border_blend.h says what for.

#include <cstdint>

#include "texture/bake/surface_graph.h"

namespace sinter::texture {

/// Texels next to a chart that may show what lies beyond its seam: the two of the margin, with a
/// texel to spare for where an edge runs within one.
inline constexpr int kSeamReach = 3;
/// Texels from known ones that are blended, and the longest ray, as parts of a texture's side.
inline constexpr int kBlendFraction = 32, kRayFraction = 64;
/// For each length of the rays.
inline constexpr int kBlendSweeps = 4;

inline constexpr std::uint32_t kNoHalf = 0xffffffff;

/// An edge of the surface as one of its faces has it on the atlas. Half 3 f + k is the edge from
/// corner k of face f to the next one.
struct SeamSide {
  ScreenPoint from, to;
  ScreenPoint third;  ///< the face's other corner

  SINTER_BOTH_SIDES SeamSide(const ScreenPoint* points, const mesh::Face* faces, std::uint32_t half)
      : from(points[faces[half / 3][half % 3]]),
        to(points[faces[half / 3][(half + 1) % 3]]),
        third(points[faces[half / 3][(half + 2) % 3]]) {}

  SINTER_BOTH_SIDES float along_x() const { return to.x - from.x; }
  SINTER_BOTH_SIDES float along_y() const { return to.y - from.y; }
  SINTER_BOTH_SIDES float square() const { return along_x() * along_x() + along_y() * along_y(); }
  /// 1 where the face lies on the side of (-along_y, along_x), else -1.
  SINTER_BOTH_SIDES float inwards() const {
    return along_x() * (third.y - from.y) - along_y() * (third.x - from.x) < 0 ? -1.0f : 1.0f;
  }
  /// Calls visit(x, y) for the texel at every `stride`th of the places along the edge that are a
  /// texel apart, from the given one on.
  template <class Visit>
  SINTER_BOTH_SIDES void each_place(int place, int stride, Visit&& visit) const {
    const int steps = 1 + static_cast<int>(std::sqrt(square()));
    for (; place <= steps; place += stride) {
      const float part = static_cast<float>(place) / static_cast<float>(steps);
      visit(static_cast<int>(from.x + part * along_x()),
            static_cast<int>(from.y + part * along_y()));
    }
  }
  /// Calls visit(x, y) for the texels of the atlas at most `reach` rows and columns from (x0, y0).
  template <class Visit>
  SINTER_BOTH_SIDES static void each_around(int x0, int y0, int reach, int size, Visit&& visit) {
    for (int y = std::max(0, y0 - reach); y <= std::min(size - 1, y0 + reach); ++y) {
      for (int x = std::max(0, x0 - reach); x <= std::min(size - 1, x0 + reach); ++x) visit(x, y);
    }
  }
  /// Calls visit(x, y) for the texels of the atlas within kSeamReach of each_place(); more than
  /// once for some.
  template <class Visit>
  SINTER_BOTH_SIDES void each_beside(int place, int stride, int size, Visit&& visit) const {
    each_place(
        place, stride, [&](int x0, int y0) { each_around(x0, y0, kSeamReach, size, visit); });
  }
};

/// Where an edge is nearest to a texel's centre.
struct NearestOnSide {
  float along;     ///< 0..1 from one end to the other
  float distance;  ///< texels
};

SINTER_BOTH_SIDES inline NearestOnSide nearest_on(const SeamSide& side, int x, int y) {
  const float dx = static_cast<float>(x) + 0.5f - side.from.x;
  const float dy = static_cast<float>(y) + 0.5f - side.from.y;
  const float along =
      std::clamp((dx * side.along_x() + dy * side.along_y()) / side.square(), 0.0f, 1.0f);
  const float rx = dx - along * side.along_x(), ry = dy - along * side.along_y();
  return {along, std::sqrt(rx * rx + ry * ry)};
}

inline constexpr std::uint32_t kNoChart = 0xffffffff;

/// A place on the atlas, in texels, that shows what a chart goes on with beyond its seam.
struct SeamPoint {
  float x = 0, y = 0;
  std::uint32_t chart = kNoChart;
};

/// What a texel shows that lies beyond the edge of `here`. With `same_way` the other face runs
/// along the edge in the same direction.
SINTER_BOTH_SIDES inline SeamPoint across_seam(const SeamSide& here,
                                               const NearestOnSide& near,
                                               const SeamSide& there,
                                               bool same_way,
                                               std::uint32_t chart) {
  const float along = same_way ? near.along : 1 - near.along;
  // In lengths of the edge, so that both sides may have a scale of their own.
  const float depth = there.inwards() * near.distance / std::sqrt(here.square());
  return {there.from.x + along * there.along_x() - depth * there.along_y(),
          there.from.y + along * there.along_y() + depth * there.along_x(),
          chart};
}

/// By direction: left, right, up, down, then diagonals.
using Rays = std::array<std::uint8_t, 8>;

/// Texels that have a face, and colours by texel.
struct ChartTexels {
  const std::int32_t* face;    ///< TexelMap's, with the margin
  const mesh::Face* faces;     ///< of the mesh
  const std::uint32_t* chart;  ///< by vertex: a number that is its chart's alone
  int size;

  SINTER_BOTH_SIDES static int step_x(int n) {
    return n < 2 ? 2 * n - 1 : n < 4 ? 0 : n % 2 == 0 ? -1 : 1;
  }
  SINTER_BOTH_SIDES static int step_y(int n) {
    return n < 2 ? 0 : n < 4 ? 2 * n - 5 : n < 6 ? -1 : 1;
  }
  SINTER_BOTH_SIDES std::int64_t step(int n) const {
    return step_y(n) * std::int64_t{size} + step_x(n);
  }

  SINTER_BOTH_SIDES std::uint32_t chart_at(std::int64_t i) const {
    return chart[faces[face[i] - 1][0]];
  }
  /// Bit n: the next texel in direction n belongs to the same chart.
  SINTER_BOTH_SIDES std::uint8_t neighbours(std::int64_t i) const {
    const int x = static_cast<int>(i % size), y = static_cast<int>(i / size);
    const std::uint32_t own = chart_at(i);
    unsigned bits = 0;
    for (int n = 0; n < 8; ++n) {
      const int nx = x + step_x(n), ny = y + step_y(n);
      if (nx < 0 || ny < 0 || nx >= size || ny >= size) continue;
      const std::int64_t j = i + step(n);
      if (face[j] != 0 && chart_at(j) == own) bits |= 1u << n;
    }
    return static_cast<std::uint8_t>(bits);
  }
  /// Texels from i to the first one that is not sought, or to the last of the chart, at most
  /// `longest`. `around`: neighbours() of texels that are sought, 0 of others.
  SINTER_BOTH_SIDES Rays rays(std::int64_t i, const std::uint8_t* around, int longest) const {
    Rays rays{};
    for (int n = 0; n < 8; ++n) {
      std::int64_t j = i;
      int length = 0;
      for (; length < longest && (around[j] >> n & 1) != 0; ++length) j += step(n);
      rays[static_cast<std::size_t>(n)] = static_cast<std::uint8_t>(length);
    }
    return rays;
  }
  /// Of the rays' ends, each cut off at `longest`, by 1 / length: along a line colours that rise
  /// evenly stay as they are. Beside each other the nine-point Laplacian's 4 and 1.
  SINTER_BOTH_SIDES Colour mean_of_rays(std::int64_t i,
                                        const Rays& rays,
                                        int longest,
                                        const Colour* colours) const {
    Colour sum{};
    float total = 0;
    for (int n = 0; n < 8; ++n) {
      const int length = std::min<int>(rays[static_cast<std::size_t>(n)], longest);
      if (length == 0) continue;
      const float weight = (n < 4 ? 4.0f : 1.0f) / static_cast<float>(length);
      const Colour& colour = colours[i + length * step(n)];
      for (std::size_t c = 0; c < 3; ++c) sum[c] += weight * colour[c];
      total += weight;
    }
    if (!(total > 0)) return colours[i];
    for (float& value : sum) value /= total;
    return sum;
  }
  /// Calls visit(texel, part) for those of the four texels around a place that are of its chart.
  template <class Visit>
  SINTER_BOTH_SIDES void each_tap(const SeamPoint& at, Visit&& visit) const {
    const float x = at.x - 0.5f, y = at.y - 0.5f, side = static_cast<float>(size);
    if (!(x > -1 && y > -1 && x < side && y < side)) return;
    const int x0 = static_cast<int>(std::floor(x)), y0 = static_cast<int>(std::floor(y));
    const float fx = x - static_cast<float>(x0), fy = y - static_cast<float>(y0);
    for (int t = 0; t < 4; ++t) {
      const int tx = x0 + t % 2, ty = y0 + t / 2;
      if (tx < 0 || ty < 0 || tx >= size || ty >= size) continue;
      const std::int64_t j = std::int64_t{ty} * size + tx;
      if (face[j] == 0 || chart_at(j) != at.chart) continue;
      const float part = (t % 2 != 0 ? fx : 1 - fx) * (t / 2 != 0 ? fy : 1 - fy);
      if (part > 0) visit(j, part);
    }
  }
  /// Between those texels; the colour of i where there is none.
  SINTER_BOTH_SIDES Colour sample(const SeamPoint& at,
                                  std::int64_t i,
                                  const Colour* colours) const {
    Colour sum{};
    float total = 0;
    each_tap(at, [&](std::int64_t j, float part) {
      for (std::size_t c = 0; c < 3; ++c) sum[c] += part * colours[j][c];
      total += part;
    });
    if (!(total > 0)) return colours[i];
    for (float& value : sum) value /= total;
    return sum;
  }
};

/// Length of the longest rays of a texture, a power of two, 1..128.
inline int longest_ray(int size) {
  int longest = 1;
  while (2 * longest <= size / kRayFraction) longest *= 2;
  return longest;
}

}  // namespace sinter::texture
