#pragma once
// Cuts a triangle to the part that can be put on a picture.

#include <array>

#include "texture/rasterizer.h"

namespace sinter::texture {

/// Clip coordinates in float64, and the weights of the face's vertices 1 and 2 there.
struct ClipCorner {
  struct {
    double x, y, z, w;
  } position;
  std::array<double, 2> weights;
};

/// How far beyond the picture a face may reach, in half sides from its centre.
inline constexpr double kGuardBand = 4;

/// A convex polygon. Six planes add at most one corner each to the three.
struct ClippedFace {
  std::array<ClipCorner, 9> corners;
  int count = 0;  ///< 0: nothing is left
};

/// Clips to -w <= z <= w exactly, and to the guard band in x and y, which
/// bounds the screen coordinates; the rest of x and y is left to the picture's edge. Every corner
/// has w > 0. A point where an edge is cut is the same bit for bit from both faces that share the
/// edge. A vertex that is not finite leaves nothing.
ClippedFace clip_face(const ClipVertex& a, const ClipVertex& b, const ClipVertex& c);

}  // namespace sinter::texture
