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
  /// Cells with a texel that the chart touches, by row.
  std::vector<CellSpan> body;
  /// Cells that no other chart's body may take: at least those with a texel within the gutter of
  /// one that the chart touches; reaches beyond the body on all sides. Widest spans first.
  std::vector<CellSpan> halo;
};

struct StampOptions {
  double texels_per_unit = 1;
  int cell = 1;    ///< texels along the side of a cell
  int gutter = 0;  ///< texels
};

/// Sides of a chart's box in cells.
struct CellBox {
  std::int32_t width, height;
};
CellBox cell_box(const Outline& outline, const StampOptions& options);

/// The outline's origin lies at the lower left corner of cell (0, 0); then the box is turned by so
/// many quarters, anticlockwise: a point (x, y), in cells, goes to (height - y, x).
Stamp make_stamp(const Outline& outline, const StampOptions& options, int quarters);

/// Turned by two quarters: cell (x, y) goes to (width - 1 - x, height - 1 - y).
Stamp half_turn(const Stamp& stamp);

/// A stamp that takes its whole box.
Stamp box_stamp(CellBox box, std::int32_t reach);

}  // namespace sinter::texture
