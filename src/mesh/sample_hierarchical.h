#pragma once
// Evaluates the field near its level set only, from coarse lattices to the full grid, such that
// every grid cell the surface crosses has all eight corners evaluated, at the coordinates and
// therefore with the values of sample_dense().
//
// What is promised. A cell is crossed when its corners, as the dense field has them, lie on both
// sides of the level. Write h for the grid spacing and s for `coarse_stride` (chosen
// automatically: see below).
//   1. If |f(p) - f(q)| <= slope * |p - q| for all grid points p, q of a neighbourhood, then every
//      crossed cell there is evaluated, without exception. `slope` is given, or estimated by place:
//      the larger of what the samples in the 3x3x3 blocks of 8x8x8 grid cells around it show and
//      what all samples show at `slope_quantile`, as difference quotients between neighbouring
//      samples of any level, times `slope_safety`. When finer samples raise the estimate somewhere,
//      what the old one had excluded is looked at again, until nothing changes.
//   2. The decoder's field saturates: |f - level| stops growing at about 1 a short way from the
//      surface, and from there on the slope bound alone would demand every point of the grid. So
//      no more than a lattice of stride `coarse_stride` is sampled densely; a cell of it whose
//      corners all lie on one side with |f - level| >= `saturation` is taken to be empty.
//      What can be lost is therefore a part of the surface that lies inside one such cell, further
//      than the truncation distance from all its corners, and is connected to nothing else.
//   3. With `follow_surface`, whatever the slope: each connected piece of the surface of which one
//      crossed cell was found is complete (crossed cells joined through faces that it crosses).
//      A coarse cell whose corners lie on both sides is always found.
// Along the border of the box, cells are treated as if everything beyond were outside, so that
// marching cubes can close the surface there.

#include <vector>

#include "mesh/field.h"
#include "mesh/sample_stats.h"

namespace sinter::mesh {

struct HierarchicalOptions {
  float level = 0;             ///< value at which the surface will be extracted
  std::int64_t chunk = 16384;  ///< most points in one call of the sampler, at least 1
  int threads = 1;             ///< for the work between the calls; never changes the result
  bool follow_surface = true;  ///< the switch SINTER_SURFACE_FOLLOWING
  /// Bound on |gradient| in logits per mesh unit; 0 estimates it.
  double slope = 0;
  /// Share of all measured slopes that the estimate covers at every place, besides those measured
  /// around it; 1 covers the largest everywhere.
  double slope_quantile = 0.9;
  /// Factor on the estimated slopes; at least 1.
  double slope_safety = 1.25;
  /// |f - level| from which a value may be cut off, so says nothing about the distance.
  float saturation = 0.95f;
  /// Stride of the lattice that is sampled densely: 1, 2, 4 or 8. 0 chooses: 8 where that leaves at
  /// least 32 cells along an axis and the slope bound excludes saturated cells of that size, else
  /// the next smaller one, down to the one with 64 cells.
  int coarse_stride = 0;
  SampleProgress progress = {};
  /// Called now and then between the sampler's calls, on the calling thread. To cancel, throw.
  std::function<void()> poll = {};
};

/// Raises ErrorCode::invalid_argument for what is out of range.
void check_options(const HierarchicalOptions& options);

/// Strides of the lattices, coarse to fine, and the largest that is dense enough for saturated
/// values to be trusted.
struct LatticeStrides {
  std::vector<int> strides;
  int trusted;
};
LatticeStrides lattice_strides(int resolution, const HierarchicalOptions& options);

/// Errors as sample_dense(). Points that no crossed cell touches may or may not have a value; the
/// range() of the result covers all samples, the coarse ones included.
Field sample_hierarchical(const Grid& grid,
                          const FieldSampler& sampler,
                          const HierarchicalOptions& options = {},
                          SampleStats* stats = nullptr);

}  // namespace sinter::mesh
