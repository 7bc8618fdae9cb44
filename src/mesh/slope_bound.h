#pragma once
// What the size of a field's slope says about the sign of points that were not evaluated.

#include <cstdint>
#include <span>

#include "mesh/field.h"
#include "mesh/lattice.h"

namespace sinter::mesh {

struct SlopeOptions {
  float level = 0;
  float saturation = 1;
  /// Share of the measured slopes that the estimate covers.
  double quantile = 1;
  int threads = 1;
};

/// Largest difference quotient between each sample and its neighbours on the same lattice (26
/// directions, pairs of saturated values left out), at the quantile asked for over all samples. 0
/// where there are none.
double measure_slope(const Grid& grid,
                     std::span<const Lattice> lattices,
                     const SlopeOptions& options);

/// A field with slopes of at most `slope` cannot change its sign within |value - level| / slope of
/// a sample.
class SignBound {
 public:
  /// Lattices of a stride up to `trusted_stride` are taken to be dense enough for saturated values:
  /// these stand for everything up to half the diagonal of a cell.
  SignBound(const Grid& grid, double slope, const SlopeOptions& options, int trusted_stride);

  /// Whether some grid point of the cell may have a sign that its eight corners do not show:
  /// corners on both sides, or a point that none of them reaches. `corner`: values minus level in
  /// the order of cube_table.h; `extent`: grid cells along each axis.
  bool may_be_crossed(const std::array<float, 8>& corner,
                      const GridIndex& extent,
                      int stride) const;

  /// Sign of a grid point as the samples of the lattice around it imply it: +1, -1, or 0 where they
  /// do not.
  int implied_sign(const Lattice& lattice, const GridIndex& point) const;

 private:
  /// Radius, squared, in which the sign is that of the sample.
  double reach(float value_minus_level, int stride) const;

  std::array<double, 3> spacing_;
  double slope_;
  float level_, saturation_;
  int trusted_stride_;
};

}  // namespace sinter::mesh
