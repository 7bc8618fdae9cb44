#include "texture/unwrap/arrange.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>

namespace sinter::texture {
namespace {

/// Largest side in cells of a stamp that is taken for its box.
constexpr std::int32_t kTiny = 6;

/// Rows from which on places are looked for. Boxes of a size that was placed before find no lower
/// place. Other stamps might, through a gap of another form; but where charts are thousands, of
/// which each would go through all rows, those about as large as one before start where that one
/// found its place. Smaller ones come later, and start at the bottom.
class FirstRows {
 public:
  explicit FirstRows(std::size_t charts) : many_(charts > kMany) {}

  std::int32_t& operator()(const Stamp& stamp, bool tiny) {
    if (tiny) return boxes_[index(stamp.width)][index(stamp.height)];
    none_ = 0;
    return many_ ? others_[size_class(stamp.width)][size_class(stamp.height)] : none_;
  }

 private:
  static constexpr std::size_t kMany = 1000;
  static constexpr int kClasses = 4;  // of sizes, to an octave
  static std::size_t index(std::int32_t cells) { return static_cast<std::size_t>(cells); }
  static std::size_t size_class(std::int32_t cells) {
    return index(static_cast<std::int32_t>(kClasses * std::log2(static_cast<double>(cells))));
  }

  bool many_;
  std::int32_t none_ = 0;
  std::array<std::array<std::int32_t, kTiny + 1>, kTiny + 1> boxes_{};
  static constexpr std::size_t kSizes = kClasses * 15;  // sides below 2^15
  std::array<std::array<std::int32_t, kSizes>, kSizes> others_{};
};

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
  FirstRows first_rows(charts.size());
  for (const std::uint32_t c : recipe.order) {
    const ChartStamps& chart = charts[c];
    const Stamp* best = nullptr;
    std::int32_t top = shape.side + 1;
    for (std::size_t k = 0; k < chart.stamps.size(); ++k) {
      const Stamp& stamp = chart.stamps[k];
      if (stamp.body.empty()) continue;
      if (!chart.tiny && (recipe.orientations[c] >> k & 1) == 0) continue;
      std::int32_t& first_row = first_rows(stamp, chart.tiny);
      const auto at = grid.find(stamp, first_row, top);
      first_row = at ? at->y : std::max(first_row, top - stamp.height);
      if (!at) continue;
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
