#include "texture/unwrap/scale_search.h"

// Bottom-left filling with the exact cells of every chart, largest first, in a grid of bits. The
// scale is found by trying; then other orders are tried a little above it, as often as is worth
// it; at last the best one again with smaller cells.

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>

#include "mesh/parallel.h"

namespace sinter::texture {
namespace {

using Slots = std::vector<Slot>;

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

std::vector<ChartStamps> all_stamps(const PackJob& job, double scale) {
  std::vector<ChartStamps> stamps(job.outlines.size());
  for_each(job.threads, stamps.size(), [&](std::size_t c) {
    stamps[c] = make_stamps(job.outlines[c], job.shape, scale, ~std::uint64_t{0});
  });
  return stamps;
}

/// Those that the recipe may take.
std::vector<ChartStamps> stamps_of(const PackJob& job, const Recipe& recipe, double scale) {
  std::vector<ChartStamps> stamps(job.outlines.size());
  for (std::size_t c = 0; c < stamps.size(); ++c) {
    stamps[c] = make_stamps(job.outlines[c], job.shape, scale, recipe.orientations[c]);
  }
  return stamps;
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
Recipe make_recipe(const PackJob& job, std::uint64_t number) {
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

}  // namespace

/// The largest scale found at which the recipe has a place for everything.
Found find_scale(const PackJob& job) {
  const Recipe recipe = make_recipe(job, 0);
  constexpr std::size_t kProbes = 4;  // at once, whatever the number of threads
  constexpr double kClose = 1.02;     // of the bracket's ends, where the search stops
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

void try_recipes(const PackJob& job, double scale, int trials, Found& found) {
  constexpr std::size_t kBatch = 8;  // at once, whatever the number of threads
  constexpr int kFailures = 2;       // batches
  constexpr double kLastStep = 1.004;
  double step = kFirstStep;
  std::uint64_t next = 1;
  std::vector<Recipe> batch;
  std::vector<ChartStamps> stamps;
  // what had a place at the last scale is tried first; where several batches fail, the step is
  // halved
  for (int failures = 0; trials > 0;) {
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
    if (failures > 0 && failures < kFailures) continue;
    if (failures > 0 && (found.scale == 0 || step <= kLastStep)) return;
    if (failures > 0) step = std::max(kLastStep, std::sqrt(step));
    failures = 0;
    scale = step * found.scale;
    stamps.clear();
  }
}

void refine(PackJob& job, int cell, Found& found) {
  constexpr std::size_t kProbes = 4;  // at once, whatever the number of threads
  constexpr double kStep = 1.004;
  const GridShape coarse = job.shape;
  Recipe recipe = found.recipe;
  for (std::size_t c = 0; c < job.outlines.size(); ++c) {
    recipe.orientations[c] = std::uint64_t{1} << found.slots[c].orientation;
  }
  job.shape.side = coarse.side * coarse.cell / cell;
  job.shape.cell = cell;
  Found fine;
  double scale = kStep * found.scale;  // of the first probe
  for (bool more = true; more; scale *= std::pow(kStep, double{kProbes})) {
    const auto scale_of = [&](std::size_t i) {
      return scale * std::pow(kStep, static_cast<double>(i));
    };
    std::array<std::optional<Slots>, kProbes> slots;
    for_each(job.threads, kProbes, [&](std::size_t i) {
      slots[i] = arrange(job.shape, stamps_of(job, recipe, scale_of(i)), recipe);
    });
    for (std::size_t i = 0; i < kProbes; ++i) {
      more = slots[i].has_value();
      if (more) fine = {scale_of(i), recipe, std::move(*slots[i])};
    }
  }
  if (fine.scale > 0) {
    found = std::move(fine);
  } else {
    job.shape = coarse;
  }
}

}  // namespace sinter::texture
