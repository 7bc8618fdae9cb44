#pragma once
// A chart as the packer sees it: its border, turned upright.

#include <array>
#include <span>
#include <vector>

#include "texture/unwrap/chart.h"

namespace sinter::texture {

/// Turns the points so that their box of least area is upright and its longer side horizontal,
/// found by rotating calipers around the convex hull; returns (cosine, sine) of the turn.
Vec2 upright_rotation(std::span<const Vec2> points);

inline Vec2 rotate(Vec2 turn, Vec2 p) {
  return {turn.x * p.x - turn.y * p.y, turn.y * p.x + turn.x * p.y};
}

/// The sides of a chart's border, turned, with the box's lower left corner at the origin.
struct Outline {
  std::vector<std::array<Vec2, 2>> sides;
  /// uv to outline: rotate(turn, uv) - corner.
  Vec2 turn{1, 0};
  Vec2 corner;
  /// Upper right corner of the box.
  Vec2 size;
  double area = 0;  ///< inside the border
};

/// `turn` is (cosine, sine) of the outline's turn.
Outline make_outline(const Chart& chart, Vec2 turn);

}  // namespace sinter::texture
