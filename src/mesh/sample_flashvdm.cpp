#include "mesh/sample_flashvdm.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "core/error.h"
#include "mesh/lattice.h"
#include "mesh/parallel.h"
#include "mesh/point_mask.h"
#include "mesh/surface_following.h"

namespace sinter::mesh {

std::vector<int> flashvdm_levels(int resolution, FlashVdmLevels levels, int min_resolution) {
  std::vector<int> cells = {resolution};
  while (cells.back() / 2 >= min_resolution) cells.push_back(cells.back() / 2);
  std::reverse(cells.begin(), cells.end());
  if (levels == FlashVdmLevels::own) {
    const auto count = cells.size();
    for (std::size_t n = 0; n < count; ++n) {
      const int stride = 1 << (count - 1 - n);
      cells[n] = (resolution + stride - 1) / stride;
    }
    return cells;
  }
  cells[0] = 4 * static_cast<int>(std::nearbyint(cells[0] / 4.0)) - 1;
  for (std::size_t n = 1; n < cells.size(); ++n) cells[n] = 2 * cells[n - 1];
  return cells;
}

namespace {

/// Slabs of a lattice between two looks at the caller's wish to stop.
constexpr int kSlabs = 16;
constexpr int kBricks = 4;  // along each axis
constexpr int kBins = 6;
/// A little less than the number of bins, so that the last point falls into the last one.
constexpr float kBinScale = 5.999f;

/// A lattice index in half the memory.
using SmallIndex = std::array<std::uint16_t, 3>;

SmallIndex small(const GridIndex& p) {
  return {static_cast<std::uint16_t>(p[0]),
          static_cast<std::uint16_t>(p[1]),
          static_cast<std::uint16_t>(p[2])};
}

/// Part of the lattice: what the sampler sees as one group.
struct Region {
  std::vector<SmallIndex> points;
  std::vector<Vec3> sample;
};

/// The 6x6x6 bins over the bounding box of some points.
class BinTable {
 public:
  /// `lowest`, `highest`: of the points' indices. A box without extent has one bin on that axis.
  BinTable(const Grid& grid,
           const Lattice& lattice,
           const GridIndex& lowest,
           const GridIndex& highest) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      const auto coordinate = [&](int i) {
        GridIndex p = {0, 0, 0};
        p[axis] = lattice.to_grid(i);
        return grid.point(p)[axis];
      };
      const float low = coordinate(lowest[axis]), extent = coordinate(highest[axis]) - low;
      for (int i = 0; i < lattice.points(); ++i) {
        const float place = extent > 0 ? (coordinate(i) - low) / extent * kBinScale : 0.0f;
        bin_[axis].push_back(std::clamp(static_cast<int>(std::floor(place)), 0, kBins - 1));
      }
    }
  }
  std::size_t bin(const GridIndex& p) const {
    const auto at = [&](std::size_t axis) { return bin_[axis][static_cast<std::size_t>(p[axis])]; };
    return static_cast<std::size_t>((at(0) * kBins + at(1)) * kBins + at(2));
  }

 private:
  std::array<std::vector<int>, 3> bin_;  // by axis and lattice index
};

class FlashVdmRun {
 public:
  FlashVdmRun(const Grid& grid, const GroupSampler& sampler, const FlashVdmOptions& options)
      : FlashVdmRun(flashvdm_levels(grid.resolution(), options.levels, options.min_resolution),
                    grid,
                    sampler,
                    options) {}

  Field run() {
    evaluate_bricks();
    for (std::size_t level = 1; level < stats_.levels.size(); ++level) refine(level);
    if (options_.follow_surface) follow_surface();
    if (options_.progress) options_.progress(1);
    return Field(grid_, std::move(lattice_->values), range_.empty() ? coarse_range_ : range_);
  }

  const SampleStats& stats() const { return stats_; }

 private:
  FlashVdmRun(const std::vector<int>& levels,
              const Grid& grid,
              const GroupSampler& sampler,
              const FlashVdmOptions& options)
      : grid_(levels.back(), grid.lower(), grid.upper()), sampler_(sampler), options_(options) {
    for (std::size_t n = levels.size(); n-- > 0;) stats_.levels.push_back({1 << n, 0});
    stats_.grid_points = grid_.point_count();
    stats_.passes = 1;
    lattice_.emplace(grid_.resolution(), stats_.levels[0].stride);
  }

  // ---- which points ----

  void evaluate_bricks() {
    const int points = lattice_->points();
    std::array<int, kBricks + 1> cut;
    for (int n = 0; n <= kBricks; ++n) cut[static_cast<std::size_t>(n)] = points * n / kBricks;
    std::vector<Region> bricks(kBricks * kBricks * kBricks);
    for (int n = 0; n < kBricks * kBricks * kBricks; ++n) {
      const GridIndex brick = {n / (kBricks * kBricks), n / kBricks % kBricks, n % kBricks};
      const auto low = [&](std::size_t axis) { return cut[static_cast<std::size_t>(brick[axis])]; };
      const auto end = [&](std::size_t axis) {
        return cut[static_cast<std::size_t>(brick[axis]) + 1];
      };
      Region& region = bricks[static_cast<std::size_t>(n)];
      for (int i = low(0); i < end(0); ++i) {
        for (int j = low(1); j < end(1); ++j) {
          for (int k = low(2); k < end(2); ++k) region.points.push_back(small({i, j, k}));
        }
      }
      take_sample(region, options_.brick_sample);
    }
    evaluate(0, GroupStage::brick, bricks);
    coarse_range_ = range_;
  }

  /// From the lattice as it is to the next finer one.
  void refine(std::size_t level) {
    const bool last = level + 1 == stats_.levels.size();
    PointMask near = near_surface();
    if (!last) near.dilate();
    Lattice finer(grid_.resolution(), stats_.levels[level].stride);
    PointMask wanted = on_finer(near, finer);
    poll();
    wanted.dilate();
    if (last) wanted.dilate();
    lattice_ = std::move(finer);
    poll();
    range_ = {};
    std::vector<Region> bins = sort_into_bins(wanted);
    evaluate(level, GroupStage::bin, bins);
  }

  /// Points next to one of another sign, or with a small value.
  PointMask near_surface() {
    PointMask mask(lattice_->points());
    const BrickTable& values = lattice_->values;
    for_slabs([&](int i) {
      for (int j = 0; j < lattice_->points(); ++j) {
        for (int k = 0; k < lattice_->points(); ++k) {
          const float value = values.at({i, j, k});
          if (std::isnan(value)) continue;
          if (std::abs(value) < options_.near || has_other_sign_beside({i, j, k}, value)) {
            mask.insert({i, j, k});
          }
        }
      }
    });
    return mask;
  }

  bool has_other_sign_beside(const GridIndex& p, float value) const {
    const auto sign = [&](float v) { return (v > options_.level) - (v < options_.level); };
    for (std::size_t axis = 0; axis < 3; ++axis) {
      for (const int step : {-1, 1}) {
        GridIndex beside = p;
        beside[axis] += step;
        if (beside[axis] < 0 || beside[axis] >= lattice_->points()) continue;
        const float other = lattice_->values.at(beside);
        if (!std::isnan(other) && sign(other) != sign(value)) return true;
      }
    }
    return false;
  }

  PointMask on_finer(const PointMask& mask, const Lattice& finer) {
    PointMask result(finer.points());
    for_points(mask, [&](const GridIndex& p) {
      GridIndex fine;
      finer.from_grid(lattice_->to_grid(p), fine);
      result.insert(fine);
    });
    return result;
  }

  /// Bins in ascending order, the points of each in the order of the grid; empty ones included.
  std::vector<Region> sort_into_bins(const PointMask& wanted) {
    GridIndex lowest = {wanted.points(), wanted.points(), wanted.points()};
    GridIndex highest = {-1, -1, -1};
    for_points(wanted, [&](const GridIndex& p) {
      for (std::size_t axis = 0; axis < 3; ++axis) {
        lowest[axis] = std::min(lowest[axis], p[axis]);
        highest[axis] = std::max(highest[axis], p[axis]);
      }
    });
    std::vector<Region> bins(kBins * kBins * kBins);
    if (highest[0] < 0) return bins;
    bin_table_.emplace(grid_, *lattice_, lowest, highest);
    for_points(wanted,
               [&](const GridIndex& p) { bins[bin_table_->bin(p)].points.push_back(small(p)); });
    for (Region& bin : bins) take_sample(bin, options_.bin_sample);
    return bins;
  }

  // ---- following ----

  /// Completes the cells that have values on both sides of the level, until there are none left.
  /// The points are answered as members of the last level's bins.
  void follow_surface() {
    std::vector<GridIndex> changed;
    for (;;) {
      const auto missing = missing_corners(
          lattice_->values, options_.level, true, changed, options_.threads, options_.poll);
      if (missing.empty()) return;
      ++stats_.following_rounds;
      changed.clear();
      std::vector<Region> bins(kBins * kBins * kBins);
      for (const GridIndex& p : missing) {
        bins[bin_table_->bin(p)].points.push_back(small(p));
        changed.push_back(
            {p[0] / BrickTable::kSide, p[1] / BrickTable::kSide, p[2] / BrickTable::kSide});
      }
      for (std::size_t n = 0; n < bins.size(); ++n) {
        if (samples_[n].empty()) take_sample(bins[n], options_.bin_sample);
        if (!samples_[n].empty()) bins[n].sample = samples_[n];
      }
      evaluate({}, GroupStage::bin, bins);
    }
  }

  // ---- evaluation ----

  Vec3 point(const SmallIndex& p) const {
    return grid_.point(lattice_->to_grid(GridIndex{p[0], p[1], p[2]}));
  }

  void take_sample(Region& region, int every) const {
    for (std::size_t n = 0; n < region.points.size(); n += static_cast<std::size_t>(every)) {
      region.sample.push_back(point(region.points[n]));
    }
  }

  /// Evaluates regions on the current lattice, as many at a time as go into one call. Keeps their
  /// samples. `level`: the one to count the points for, none while following.
  void evaluate(std::optional<std::size_t> level, GroupStage stage, std::vector<Region>& regions) {
    std::int64_t expected = 0;
    for (const Region& region : regions) expected += std::ssize(region.points);
    planned_ = stats_.queries + expected;
    if (level) samples_.assign(regions.size(), {});
    (level ? stats_.levels[*level].queries : stats_.following_queries) += expected;
    for (std::size_t begin = 0, end = 0; begin < regions.size(); begin = end) {
      std::int64_t points = 0;
      for (; end < regions.size(); ++end) {
        const std::int64_t more = std::ssize(regions[end].points);
        if (points > 0 && more > 0 && points + more >= options_.call_points) break;
        points += more;
      }
      if (points > 0) answer(stage, std::span(regions).subspan(begin, end - begin));
    }
    for (std::size_t n = 0; n < regions.size(); ++n) {
      if (!regions[n].sample.empty()) samples_[n] = std::move(regions[n].sample);
    }
  }

  void answer(GroupStage stage, std::span<const Region> regions) {
    points_.clear();
    for (const Region& region : regions) {
      for (const SmallIndex& p : region.points) points_.push_back(point(p));
    }
    // NaN, so that a sampler that leaves a value out is found out below.
    logits_.assign(points_.size(), std::numeric_limits<float>::quiet_NaN());
    std::vector<PointGroup> groups;
    std::size_t first = 0;
    for (const Region& region : regions) {
      const std::size_t count = region.points.size();
      if (count == 0) continue;
      groups.push_back({region.sample,
                        std::span(points_).subspan(first, count),
                        std::span(logits_).subspan(first, count)});
      first += count;
    }
    sampler_(stage, groups);
    include_values(points_, logits_, range_);
    std::size_t next = 0;
    for (const Region& region : regions) {
      for (const SmallIndex& p : region.points) {
        lattice_->values.set({p[0], p[1], p[2]}, logits_[next++]);
      }
    }
    stats_.queries += static_cast<std::int64_t>(points_.size());
    report();
  }

  // ---- small things ----

  /// Calls body(i) for each slab of the lattice, in parallel.
  template <class Body>
  void for_slabs(Body&& body) {
    for (int first = 0; first < lattice_->points(); first += kSlabs) {
      const int count = std::min(kSlabs, lattice_->points() - first);
      parallel_blocks(options_.threads, count, 1, [&](std::int64_t i, std::int64_t) {
        body(first + static_cast<int>(i));
      });
      poll();
    }
  }

  /// Calls visit(point) for each point of the mask, ascending.
  template <class Visit>
  void for_points(const PointMask& mask, Visit&& visit) {
    for (int i = 0; i < mask.points(); ++i) {
      mask.for_each_of_slab(i, visit);
      if (i % kSlabs == 0) poll();
    }
  }

  void poll() {
    if (options_.poll) options_.poll();
  }

  void report() {
    if (!options_.progress) return;
    // A closed surface of moderate size crosses some 4 N^2 cells; the finest level's band has some
    // eight points for each.
    const double typical = 32.0 * grid_.resolution() * grid_.resolution();
    const double total = std::max(typical, 1.02 * static_cast<double>(planned_));
    progress_ = std::max(progress_, std::min(1.0, static_cast<double>(stats_.queries) / total));
    options_.progress(progress_);
  }

  const Grid grid_;
  const GroupSampler& sampler_;
  const FlashVdmOptions& options_;
  std::optional<Lattice> lattice_;  // of the current level
  std::optional<BinTable> bin_table_;
  std::vector<std::vector<Vec3>> samples_;  // of the current level's regions
  std::vector<Vec3> points_;                // of one call
  std::vector<float> logits_;
  ValueRange range_, coarse_range_;
  SampleStats stats_;
  std::int64_t planned_ = 0;
  double progress_ = 0;
};

}  // namespace

void check_options(const FlashVdmOptions& options) {
  const auto check = [](bool good, const char* what, const char* expected, double got) {
    SINTER_CHECK(good,
                 ErrorCode::invalid_argument,
                 "[sample_flashvdm] ",
                 what,
                 ": expected ",
                 expected,
                 ", got ",
                 got);
  };
  check(std::isfinite(options.level), "level", "a finite number", options.level);
  check(options.call_points >= 1,
        "call_points",
        "1 or more",
        static_cast<double>(options.call_points));
  check(options.brick_sample >= 1, "brick_sample", "1 or more", options.brick_sample);
  check(options.bin_sample >= 1, "bin_sample", "1 or more", options.bin_sample);
  check(options.near >= 0, "near", "0 or more", options.near);
  check(options.min_resolution >= 4, "min_resolution", "4 or more", options.min_resolution);
}

Field sample_flashvdm(const Grid& grid,
                      const GroupSampler& sampler,
                      const FlashVdmOptions& options,
                      SampleStats* stats) {
  check_options(options);
  return with_memory_errors("sample_flashvdm", [&] {
    FlashVdmRun run(grid, sampler, options);
    Field field = run.run();
    if (stats != nullptr) *stats = run.stats();
    return field;
  });
}

}  // namespace sinter::mesh
