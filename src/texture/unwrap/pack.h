#pragma once
// Charts to places in the square atlas.

#include <cstdint>
#include <vector>

#include "texture/unwrap/chart.h"
#include "texture/unwrap/scale_search.h"

namespace sinter::texture {

struct PackOptions {
  int texture_size = 2048;
  int gutter = 4;
  int threads = 1;
};

/// uv of a chart, in units of the surface, to texels from the lower left corner of the atlas.
struct Placement {
  Vec2 column_x, column_y, shift;  ///< texel = x * column_x + y * column_y + shift
  Vec2 operator()(Vec2 uv) const { return uv.x * column_x + uv.y * column_y + shift; }
};

struct Packing {
  double texels_per_unit = 0;
  std::vector<Placement> placements;  ///< by chart
};

/// Places all charts at one scale, as large as it can find a place for them all: turned by halves
/// of a quarter from their upright position, at least `gutter` empty texels between the texels that
/// two charts touch and half of that along the border.
class Packer {
 public:
  Packer(const std::vector<Chart>& charts, const PackOptions& options);

  /// Looks for a scale, in texels per unit, from `above` on where that is not 0; returns 0 where it
  /// finds none. Called once.
  double search(double above = 0);

  /// What was found, with smaller cells and perhaps at a somewhat larger scale.
  Packing finish();

 private:
  PackOptions options_;
  PackJob job_;
  Found found_;
};

}  // namespace sinter::texture
