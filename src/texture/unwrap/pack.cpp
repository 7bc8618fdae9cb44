#include "texture/unwrap/pack.h"

// Bottom-left filling with the exact cells of every chart, largest first, in a grid of bits; the
// scale is found by trying. Sixty-four columns are tested at once, and a row is given up as soon as
// the widest spans of a chart have ruled it out.

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "mesh/parallel.h"
#include "texture/unwrap/atlas_grid.h"
#include "texture/unwrap/outline.h"
#include "texture/unwrap/stamp.h"

namespace sinter::texture {
namespace {

struct Slot {
  Cell at{0, 0};
  int turn = 0;                        ///< index into the chart's outlines
  int quarters = 0;                    ///< after that
  std::int32_t width = 0, height = 0;  ///< of the stamp before it is turned
};

/// Directions that are tried within a quarter turn.
constexpr int kTurns = 2;

/// What stays the same at all scales.
struct Job {
  std::vector<std::array<Outline, kTurns>> outlines;  ///< by chart, upright first
  std::vector<std::uint32_t> order;                   ///< largest first
  int cell = 1;
  int gutter = 0;
  int margin = 0;         ///< texels along the border of the atlas
  std::int32_t side = 0;  ///< of the grid, in cells
};

/// Takes the whole box of the stamp.
void fill_box(Stamp& stamp, std::int32_t reach) {
  stamp.body.clear();
  stamp.halo.clear();
  for (std::int32_t y = 0; y < stamp.height; ++y) stamp.body.push_back({y, 0, stamp.width});
  for (std::int32_t y = -reach; y < stamp.height + reach; ++y) {
    stamp.halo.push_back({y, -reach, stamp.width + reach});
  }
}

/// Tries to place everything at one scale.
std::optional<std::vector<Slot>> try_scale(const Job& job, double scale) {
  const std::int32_t reach = (job.gutter + job.cell - 1) / job.cell;
  AtlasGrid grid(job.side, reach);
  std::vector<Slot> slots(job.outlines.size());
  // the lowest row that a stamp of at most a few cells found free: no later one of its size will
  // find a lower one
  constexpr std::int32_t kSmall = 6;
  std::int32_t hints[kSmall + 1][kSmall + 1] = {};
  for (const std::uint32_t c : job.order) {
    std::optional<Cell> best;
    std::int32_t best_top = job.side + 1;
    Stamp best_stamp;
    Slot& slot = slots[c];
    std::int32_t* hint = nullptr;
    for (int turn = 0; turn < kTurns && hint == nullptr; ++turn) {
      const Outline& outline = job.outlines[c][static_cast<std::size_t>(turn)];
      if (scale * std::max(outline.size.x, outline.size.y) > job.side * job.cell) continue;
      Stamp stamp = make_stamp(outline, {scale, job.cell, job.gutter});
      const std::int32_t width = stamp.width, height = stamp.height;
      if (width <= kSmall && height <= kSmall) {
        hint = &hints[width][height];
        fill_box(stamp, reach);
      }
      for (int quarters = 0; quarters < (hint != nullptr ? 1 : 4); ++quarters) {
        if (quarters > 0) stamp = quarter_turn(stamp);
        const std::optional<Cell> at = grid.find(stamp, hint != nullptr ? *hint : 0, best_top);
        if (!at) continue;
        best = at;
        best_top = at->y + stamp.height;
        best_stamp = stamp;
        slot = {*at, turn, quarters, width, height};
      }
    }
    if (!best) return std::nullopt;
    if (hint != nullptr) *hint = best->y;
    grid.place(best_stamp, *best);
  }
  return slots;
}

/// The largest scale found at which everything has a place, and the places.
struct Found {
  double scale = 0;
  std::vector<Slot> slots;
};

Found find_scale(const Job& job, double area, int threads) {
  constexpr int kProbes = 4;          // at once, whatever the number of threads
  constexpr double kClose = 1.006;    // of the bracket's ends, where the search stops
  constexpr double kSmallest = 1e-6;  // of the scale that would fill the atlas
  const double side = static_cast<double>(job.side) * job.cell;
  const double full = area > 0 ? side / std::sqrt(area) : side;
  Found found;
  double low = 0.7 * full, high = full;  // of what has a place, and what has none
  while (high > kClose * low && low > kSmallest * full) {
    // evenly spaced; the lower end is among them until something is known to have a place
    const int known = found.scale > 0 ? 1 : 0;
    const auto scale_of = [&](int i) {
      return low + (high - low) * (i + known) / (kProbes + known);
    };
    std::array<std::optional<std::vector<Slot>>, kProbes> slots;
    mesh::parallel_blocks(threads, kProbes, 1, [&](std::int64_t begin, std::int64_t) {
      slots[static_cast<std::size_t>(begin)] = try_scale(job, scale_of(static_cast<int>(begin)));
    });
    int best = kProbes - 1;
    while (best >= 0 && !slots[static_cast<std::size_t>(best)]) --best;
    const double failed = best < kProbes - 1 ? scale_of(best + 1) : high;
    if (best >= 0) {
      found = {scale_of(best), std::move(*slots[static_cast<std::size_t>(best)])};
      low = found.scale;
    } else if (known == 0) {
      low /= 2;
    }
    high = failed;
  }
  return found;
}

std::vector<Vec2> border_points(const Chart& chart) {
  std::vector<Vec2> points;
  points.reserve(chart.border.size());
  for (const BorderEdge& edge : chart.border) {
    points.push_back(chart.uv[static_cast<std::size_t>(edge.from)]);
  }
  return points;
}

Job make_job(const std::vector<Chart>& charts, const PackOptions& options) {
  Job job;
  job.gutter = options.gutter;
  job.margin = (options.gutter + 1) / 2;
  job.outlines.resize(charts.size());
  mesh::parallel_blocks(
      options.threads,
      static_cast<std::int64_t>(charts.size()),
      16,
      [&](std::int64_t begin, std::int64_t end) {
        for (auto c = static_cast<std::size_t>(begin); c < static_cast<std::size_t>(end); ++c) {
          const Vec2 upright = upright_rotation(border_points(charts[c]));
          for (int t = 0; t < kTurns; ++t) {
            const double angle = std::numbers::pi / 2 * t / kTurns;
            job.outlines[c][static_cast<std::size_t>(t)] =
                make_outline(charts[c], rotate({std::cos(angle), std::sin(angle)}, upright));
          }
        }
      });
  job.order.resize(charts.size());
  std::iota(job.order.begin(), job.order.end(), 0u);
  const auto extent = [&](std::uint32_t c) {
    const Vec2 size = job.outlines[c][0].size;
    return std::max(size.x, size.y) + 0.5 * std::min(size.x, size.y);
  };
  std::stable_sort(job.order.begin(), job.order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return extent(a) > extent(b);
  });
  return job;
}

Placement placement_of(const Job& job, const Outline& outline, const Slot& slot, double scale) {
  // rotate upright, shift to the origin, scale; then turn by quarters inside the stamp's cells
  const auto upright = [&](Vec2 uv) { return scale * (rotate(outline.turn, uv) - outline.corner); };
  double width = slot.width * job.cell, height = slot.height * job.cell;
  const auto place = [&](Vec2 uv) {
    Vec2 p = upright(uv);
    double w = width, h = height;
    for (int q = 0; q < slot.quarters; ++q) {
      p = {h - p.y, p.x};
      std::swap(w, h);
    }
    return p + Vec2{static_cast<double>(job.margin + slot.at.x * job.cell),
                    static_cast<double>(job.margin + slot.at.y * job.cell)};
  };
  const Vec2 origin = place({0, 0});
  return {place({1, 0}) - origin, place({0, 1}) - origin, origin};
}

}  // namespace

Packing pack_charts(const std::vector<Chart>& charts, const PackOptions& options) {
  Job job = make_job(charts, options);
  double area = 0;
  for (const auto& outlines : job.outlines) area += outlines[0].area;
  const int room = options.texture_size - 2 * job.margin;

  // cells of a texel where charts are small, larger ones where that costs little room
  constexpr int kMaxSide = 512, kCellsAcross = 12;
  const double chart_side = room / std::sqrt(static_cast<double>(charts.size()) + 1);
  int cell = std::max(1, (room + kMaxSide - 1) / kMaxSide);
  while (cell > 1 && chart_side < kCellsAcross * cell) cell /= 2;
  Found found;
  for (; cell >= 1 && found.scale == 0; cell /= 2) {
    job.cell = cell;
    job.side = room / cell;
    if (job.side > 0) found = find_scale(job, area, options.threads);
  }
  SINTER_CHECK(found.scale > 0,
               ErrorCode::unsupported,
               "[unwrap] atlas: expected room for ",
               charts.size(),
               " charts with ",
               options.gutter,
               " texels between them, got ",
               options.texture_size,
               " x ",
               options.texture_size,
               " texels; take a larger texture or a smaller gutter");
  Packing packing;
  packing.texels_per_unit = found.scale;
  for (std::size_t c = 0; c < charts.size(); ++c) {
    packing.placements.push_back(
        placement_of(job,
                     job.outlines[c][static_cast<std::size_t>(found.slots[c].turn)],
                     found.slots[c],
                     found.scale));
  }
  return packing;
}

}  // namespace sinter::texture
