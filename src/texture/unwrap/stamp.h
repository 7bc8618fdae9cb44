#pragma once
// The cells of a grid that a chart takes, and those it keeps others away from.

#include <cstdint>
#include <vector>

#include "texture/unwrap/outline.h"

namespace sinter::texture {

/// Cells begin <= x < end of row y.
struct CellSpan {
  std::int32_t y, begin, end;
};

struct Stamp {
  /// Of `body`, which lies in [0, width) x [0, height).
  std::int32_t width = 0, height = 0;
  /// Cells with a texel that the chart touches.
  std::vector<CellSpan> body;
  /// Cells with a texel within the gutter of one that the chart touches; reaches beyond the body
  /// on all sides.
  std::vector<CellSpan> halo;
};

struct StampOptions {
  double texels_per_unit = 1;
  int cell = 1;    ///< texels along the side of a cell
  int gutter = 0;  ///< texels
};

/// The outline's origin lies at the lower left corner of cell (0, 0).
Stamp make_stamp(const Outline& outline, const StampOptions& options);

/// Turned by a quarter, anticlockwise: cell (x, y) goes to (height - 1 - y, x).
Stamp quarter_turn(const Stamp& stamp);

}  // namespace sinter::texture
