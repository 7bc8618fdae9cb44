#pragma once
// All charts to places at one scale.

#include <cstdint>
#include <optional>
#include <vector>

#include "texture/unwrap/atlas_grid.h"
#include "texture/unwrap/outline.h"
#include "texture/unwrap/stamp.h"

namespace sinter::texture {

/// The grid at which charts are laid out.
struct GridShape {
  int cell = 1;           ///< texels along the side of a cell
  int gutter = 0;         ///< texels
  std::int32_t side = 0;  ///< cells
  std::int32_t reach() const { return (gutter + cell - 1) / cell; }
};

/// The stamps of a chart at one scale, by orientation: quarters fastest, then the directions that
/// are tried within a quarter turn. One alone, of its whole box, where the chart is tiny.
struct ChartStamps {
  std::vector<Stamp> stamps;  ///< without cells where it is larger than the grid
  bool tiny = false;
};

/// `outlines` are the chart's, by direction within a quarter turn; orientation k is left out where
/// bit k of `wanted` is not set.
ChartStamps make_stamps(const std::vector<Outline>& outlines,
                        const GridShape& shape,
                        double scale,
                        std::uint64_t wanted);

/// In which order, and how, places are looked for.
struct Recipe {
  std::vector<std::uint32_t> order;
  /// By chart: bit k is set where orientation k may be taken.
  std::vector<std::uint64_t> orientations;
};

struct Slot {
  Cell at{0, 0};
  int orientation = 0;
};

/// Bottom-left filling: every chart in turn goes where its top is lowest. Nothing where one has no
/// place.
std::optional<std::vector<Slot>> arrange(const GridShape& shape,
                                         const std::vector<ChartStamps>& charts,
                                         const Recipe& recipe);

}  // namespace sinter::texture
