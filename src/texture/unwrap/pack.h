#pragma once
// Charts to places in the square atlas.

#include <cstdint>
#include <functional>
#include <vector>

#include "texture/unwrap/chart.h"

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
/// two charts touch and half of that along the border. Raises unsupported where they do not fit at
/// any scale.
Packing pack_charts(const std::vector<Chart>& charts, const PackOptions& options);

}  // namespace sinter::texture
