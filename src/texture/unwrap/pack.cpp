#include "texture/unwrap/pack.h"

// Bottom-left filling with the exact cells of every chart, largest first, in a grid of bits. The
// scale is found by trying; then other orders are tried a little above it, as often as is worth
// it; at last the best one again with smaller cells.

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "mesh/parallel.h"
#include "texture/unwrap/arrange.h"
#include "texture/unwrap/outline.h"

namespace sinter::texture {
namespace {

/// Directions that are tried within a quarter turn.
constexpr int kDirections = 2;

/// What stays the same at all scales.
struct Job {
  std::vector<std::vector<Outline>> outlines;  ///< by chart and direction, upright first
  GridShape shape;
  int margin = 0;  ///< texels along the border of the atlas
  int threads = 1;
  double full = 0;  ///< scale that would fill the atlas
};

using Slots = std::vector<Slot>;

struct Found {
  double scale = 0;
  Recipe recipe;
  Slots slots;
};

/// Calls visit(i) for i < count, on several threads.
template <class Visit>
void for_each(int threads, std::size_t count, Visit&& visit) {
  mesh::parallel_blocks(
      threads, static_cast<std::int64_t>(count), 1, [&](std::int64_t begin, std::int64_t end) {
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
          visit(i);
        }
      });
}

std::vector<ChartStamps> all_stamps(const Job& job, double scale) {
  std::vector<ChartStamps> stamps(job.outlines.size());
  for_each(job.threads, stamps.size(), [&](std::size_t c) {
    stamps[c] = make_stamps(job.outlines[c], job.shape, scale, ~std::uint64_t{0});
  });
  return stamps;
}

/// Those that the recipe may take.
std::vector<ChartStamps> stamps_of(const Job& job, const Recipe& recipe, double scale) {
  std::vector<ChartStamps> stamps(job.outlines.size());
  for (std::size_t c = 0; c < stamps.size(); ++c) {
    stamps[c] = make_stamps(job.outlines[c], job.shape, scale, recipe.orientations[c]);
  }
  return stamps;
}

/// The largest scale found at which the recipe has a place for everything.
Found find_scale(const Job& job, const Recipe& recipe) {
  constexpr std::size_t kProbes = 4;  // at once, whatever the number of threads
  constexpr double kClose = 1.01;     // of the bracket's ends, where the search stops
  constexpr double kSmallest = 1e-6;  // of the scale that would fill the atlas
  Found found;
  double low = 0.7 * job.full, high = job.full;  // of what has a place, and what has none
  while (high > kClose * low && low > kSmallest * job.full) {
    // evenly spaced; the lower end is among them until something is known to have a place
    const std::size_t known = found.scale > 0 ? 1 : 0;
    const auto scale_of = [&](std::size_t i) {
      return low +
             (high - low) * static_cast<double>(i + known) / static_cast<double>(kProbes + known);
    };
    std::array<std::optional<Slots>, kProbes> slots;
    for_each(job.threads, kProbes, [&](std::size_t i) {
      slots[i] = arrange(job.shape, stamps_of(job, recipe, scale_of(i)), recipe);
    });
    std::size_t good = kProbes;
    while (good > 0 && !slots[good - 1]) --good;
    const double failed = good < kProbes ? scale_of(good) : high;
    if (good > 0) {
      found = {scale_of(good - 1), recipe, std::move(*slots[good - 1])};
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

/// A number in [0, 1) for each pair.
double noise(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t x = seed * 0x9e3779b97f4a7c15u + index + 1;  // SplitMix64
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

/// The first two take the largest charts first, upright or in any orientation; the others change
/// sizes and leave orientations out at random.
Recipe make_recipe(const Job& job, std::uint64_t number) {
  constexpr double kSpread = 0.6;  // of the sizes, from the smallest to the largest factor
  Recipe recipe;
  std::vector<double> size(job.outlines.size());
  for (std::size_t c = 0; c < size.size(); ++c) {
    const Vec2 box = job.outlines[c][0].size;
    size[c] = std::max(box.x, box.y) + 0.5 * std::min(box.x, box.y);
    const std::uint64_t all = (std::uint64_t{1} << 4 * kDirections) - 1;
    std::uint64_t allowed = number == 0 ? 0xf : all;
    if (number > 1) {
      size[c] *= 1 + kSpread * (noise(number, 2 * c) - 0.5);
      const auto some = static_cast<std::uint64_t>(noise(number, 2 * c + 1) * 0x1p53) & all;
      if (some != 0) allowed = some;
    }
    recipe.orientations.push_back(allowed);
  }
  recipe.order.resize(size.size());
  std::iota(recipe.order.begin(), recipe.order.end(), 0u);
  std::stable_sort(recipe.order.begin(), recipe.order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return size[a] > size[b];
  });
  return recipe;
}

/// Tries recipes a step above the best scale so far, those first that had a place at the last one.
/// A step at which several batches fail is halved.
void try_recipes(const Job& job, int trials, Found& found) {
  constexpr std::size_t kBatch = 8;  // at once, whatever the number of threads
  constexpr int kFailures = 4;       // batches
  constexpr double kFirstStep = 1.02, kLastStep = 1.004;
  double step = kFirstStep;
  std::uint64_t next = 1;
  std::vector<Recipe> batch;
  std::vector<ChartStamps> stamps;
  for (int failures = 0; trials > 0;) {
    const double scale = step * found.scale;
    if (stamps.empty()) stamps = all_stamps(job, scale);
    while (batch.size() < kBatch) batch.push_back(make_recipe(job, next++));
    trials -= static_cast<int>(batch.size());
    std::vector<std::optional<Slots>> slots(batch.size());
    for_each(job.threads, batch.size(), [&](std::size_t i) {
      slots[i] = arrange(job.shape, stamps, batch[i]);
    });
    std::vector<Recipe> good;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!slots[i]) continue;
      if (good.empty()) found = {scale, batch[i], std::move(*slots[i])};
      good.push_back(std::move(batch[i]));
    }
    batch = std::move(good);
    failures = batch.empty() ? failures + 1 : 0;
    if (failures == kFailures && step <= kLastStep) return;
    if (failures == kFailures) {
      step = std::max(kLastStep, std::sqrt(step));
      failures = 0;
    } else if (failures > 0) {
      continue;
    }
    stamps.clear();
  }
}

/// Larger scales with smaller cells, every chart's orientation kept.
void refine(Job& job, int cell, Found& found) {
  constexpr std::size_t kProbes = 4;  // at once, whatever the number of threads
  constexpr double kStep = 1.003;
  const GridShape coarse = job.shape;
  Recipe recipe = found.recipe;
  for (std::size_t c = 0; c < job.outlines.size(); ++c) {
    recipe.orientations[c] = std::uint64_t{1} << found.slots[c].orientation;
  }
  job.shape.side = coarse.side * coarse.cell / cell;
  job.shape.cell = cell;
  Found fine;
  double scale = found.scale;  // of the first probe
  for (bool better = true; better;) {
    std::array<std::optional<Slots>, kProbes> slots;
    for_each(job.threads, kProbes, [&](std::size_t i) {
      const double at = scale * std::pow(kStep, static_cast<double>(i));
      slots[i] = arrange(job.shape, stamps_of(job, recipe, at), recipe);
    });
    better = false;
    for (std::size_t i = 0; i < kProbes; ++i) {
      if (!slots[i]) continue;
      better = true;
      fine = {scale * std::pow(kStep, static_cast<double>(i)), recipe, std::move(*slots[i])};
    }
    scale *= std::pow(kStep, static_cast<double>(kProbes));
  }
  if (fine.scale > 0) {
    found = std::move(fine);
  } else {
    job.shape = coarse;
  }
}

Job make_job(const std::vector<Chart>& charts, const PackOptions& options) {
  Job job;
  job.threads = options.threads;
  job.margin = (options.gutter + 1) / 2;
  job.shape.gutter = options.gutter;
  job.outlines.resize(charts.size());
  double area = 0;
  for_each(options.threads, charts.size(), [&](std::size_t c) {
    const Vec2 upright = upright_rotation(border_points(charts[c]));
    for (int t = 0; t < kDirections; ++t) {
      const double angle = std::numbers::pi / 2 * t / kDirections;
      job.outlines[c].push_back(
          make_outline(charts[c], rotate({std::cos(angle), std::sin(angle)}, upright)));
    }
  });
  for (const auto& outlines : job.outlines) area += outlines[0].area;
  const double room = options.texture_size - 2 * job.margin;
  job.full = area > 0 ? room / std::sqrt(area) : room;
  return job;
}

Placement placement_of(const Job& job, std::size_t c, const Found& found) {
  // rotate upright, shift to the origin, scale; then turn by quarters inside the stamp's cells
  const Slot& slot = found.slots[c];
  const Outline& outline = job.outlines[c][static_cast<std::size_t>(slot.orientation / 4)];
  const int cell = job.shape.cell;
  const CellBox box = cell_box(outline, {found.scale, cell, job.shape.gutter});
  const auto place = [&](Vec2 uv) {
    Vec2 p = found.scale * (rotate(outline.turn, uv) - outline.corner);
    double w = box.width * cell, h = box.height * cell;
    for (int q = 0; q < slot.orientation % 4; ++q) {
      p = {h - p.y, p.x};
      std::swap(w, h);
    }
    return p + Vec2{static_cast<double>(job.margin + slot.at.x * cell),
                    static_cast<double>(job.margin + slot.at.y * cell)};
  };
  const Vec2 origin = place({0, 0});
  return {place({1, 0}) - origin, place({0, 1}) - origin, origin};
}

}  // namespace

Packing pack_charts(const std::vector<Chart>& charts, const PackOptions& options) {
  Job job = make_job(charts, options);
  const int room = options.texture_size - 2 * job.margin;

  // cells of a texel where charts are small, larger ones where that costs little room
  constexpr int kSide = 256, kFineSide = 1024, kCellsAcross = 12;
  const double chart_side = room / std::sqrt(static_cast<double>(charts.size()) + 1);
  int cell = std::max(1, (room + kSide - 1) / kSide);
  while (cell > 1 && chart_side < kCellsAcross * cell) cell /= 2;
  Found found;
  for (; cell >= 1 && found.scale == 0; cell /= 2) {
    job.shape.cell = cell;
    job.shape.side = room / cell;
    if (job.shape.side > 0) found = find_scale(job, make_recipe(job, 0));
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
  // a few charts can be arranged much better than by one rule; of many, the rest fills the gaps
  constexpr std::size_t kMaxTrials = 64, kChartTrials = 1024;
  try_recipes(job, static_cast<int>(std::min(kMaxTrials, kChartTrials / charts.size())), found);
  const int fine_cell = std::max(1, (room + kFineSide - 1) / kFineSide);
  if (fine_cell < job.shape.cell) refine(job, fine_cell, found);
  Packing packing;
  packing.texels_per_unit = found.scale;
  for (std::size_t c = 0; c < charts.size(); ++c) {
    packing.placements.push_back(placement_of(job, c, found));
  }
  return packing;
}

}  // namespace sinter::texture
