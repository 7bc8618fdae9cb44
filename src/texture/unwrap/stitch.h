#pragma once
// Two charts laid side by side and sewn together along the edges they share.

#include <cstdint>
#include <functional>
#include <vector>

#include "texture/unwrap/chart.h"

namespace sinter::texture {

/// Two vertices that become one, with the weight of the edge they end.
struct Stitch {
  std::int32_t a, b;
  double weight;
};

/// The motion that brings the second chart's side of the stitches onto the first's as well as
/// possible: a rotation and a shift.
struct Motion {
  double cosine = 1, sine = 0;
  Vec2 from, to;
  Vec2 operator()(Vec2 p) const {
    const Vec2 d = p - from;
    return to + Vec2{cosine * d.x - sine * d.y, sine * d.x + cosine * d.y};
  }
};

Motion fit_motion(const Chart& a, const Chart& b, const std::vector<Stitch>& stitches);

/// Root of the mean squared distance of stitched vertices after the motion.
double gap_between(const Chart& a,
                   const Chart& b,
                   const std::vector<Stitch>& stitches,
                   const Motion& motion);

/// Both charts in one: a's faces and vertices first, then b's; stitched vertices are one, in the
/// middle. `inner` tells edges of either border that are not one of the whole. No stretch yet.
Chart stitch_charts(const Chart& a,
                    const Chart& b,
                    const std::vector<Stitch>& stitches,
                    const Motion& motion,
                    const std::function<bool(const BorderEdge&)>& inner);

}  // namespace sinter::texture
