#pragma once
// The largest scale at which all charts have a place.

#include <vector>

#include "texture/unwrap/arrange.h"
#include "texture/unwrap/outline.h"

namespace sinter::texture {

/// Directions that are tried within a quarter turn.
constexpr int kDirections = 2;

/// From a scale that has been found to the next that is tried.
constexpr double kFirstStep = 1.02;

/// What stays the same at all scales.
struct PackJob {
  std::vector<std::vector<Outline>> outlines;  ///< by chart and direction, upright first
  GridShape shape;
  double full = 0;  ///< scale that would fill the atlas
  int threads = 1;
};

struct Found {
  double scale = 0;  ///< 0: no place for all
  Recipe recipe;
  std::vector<Slot> slots;
};

/// The largest scale found at which the largest charts first, upright, leave a place for all.
Found find_scale(const PackJob& job);

/// Tries other orders and orientations at `scale`, then a step above the largest scale at which
/// there was a place for all, and replaces `found` by the best.
void try_recipes(const PackJob& job, double scale, int trials, Found& found);

/// Larger scales with smaller cells, every chart's orientation kept; sets the job's cells where
/// there is a place for all at one.
void refine(PackJob& job, int cell, Found& found);

}  // namespace sinter::texture
