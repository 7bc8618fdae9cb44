#include "texture/unwrap/arrange.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace sinter::texture {
namespace {

/// Largest side in cells of a stamp that is taken for its box.
constexpr std::int32_t kTiny = 6;

}  // namespace

ChartStamps make_stamps(const std::vector<Outline>& outlines,
                        const GridShape& shape,
                        double scale,
                        std::uint64_t wanted) {
  const StampOptions options{scale, shape.cell, shape.gutter};
  ChartStamps chart;
  for (const Outline& outline : outlines) {
    const bool fits =
        scale * std::max(outline.size.x, outline.size.y) <= double{1} * shape.side * shape.cell;
    const CellBox box = fits ? cell_box(outline, options) : CellBox{0, 0};
    if (fits && box.width <= kTiny && box.height <= kTiny) {
      chart.tiny = true;
      chart.stamps.assign(4 * static_cast<std::size_t>(&outline - outlines.data()), {});
      chart.stamps.push_back(box_stamp(box, shape.reach()));
      return chart;
    }
    std::array<Stamp, 4> turned;
    const std::uint64_t here = fits ? wanted >> chart.stamps.size() : 0;
    for (std::size_t q = 0; q < 2; ++q) {
      if ((here >> q & 5) == 0) continue;
      turned[q] = make_stamp(outline, options, static_cast<int>(q));
      if ((here >> q & 4) != 0) turned[q + 2] = half_turn(turned[q]);
    }
    std::move(turned.begin(), turned.end(), std::back_inserter(chart.stamps));
  }
  return chart;
}

std::optional<std::vector<Slot>> arrange(const GridShape& shape,
                                         const std::vector<ChartStamps>& charts,
                                         const Recipe& recipe) {
  AtlasGrid grid(shape.side, shape.reach());
  std::vector<Slot> slots(charts.size());
  // the lowest row that a tiny stamp found free: no later one of its size will find a lower one
  std::int32_t hints[kTiny + 1][kTiny + 1] = {};
  for (const std::uint32_t c : recipe.order) {
    const ChartStamps& chart = charts[c];
    const Stamp* best = nullptr;
    std::int32_t top = shape.side + 1;
    for (std::size_t k = 0; k < chart.stamps.size(); ++k) {
      const Stamp& stamp = chart.stamps[k];
      if (stamp.body.empty()) continue;
      if (!chart.tiny && (recipe.orientations[c] >> k & 1) == 0) continue;
      std::int32_t* const hint = chart.tiny ? &hints[stamp.width][stamp.height] : nullptr;
      const auto at = grid.find(stamp, hint != nullptr ? *hint : 0, top);
      if (!at) continue;
      if (hint != nullptr) *hint = at->y;
      best = &stamp;
      top = at->y + stamp.height;
      slots[c] = {*at, static_cast<int>(k)};
    }
    if (best == nullptr) return std::nullopt;
    grid.place(*best, slots[c].at);
  }
  return slots;
}

}  // namespace sinter::texture
