// Coarse-to-fine sampling after Chen et al., "FlashVDM" (arXiv 2503.16302), whose rule for where to
// refine (corner signs differ, or |value| < 0.95, then fixed dilations) is replaced by a bound on
// the slope; the closing pass is the surface following of Wyvill, McPheeters and Wyvill, "Data
// Structure for Soft Objects", The Visual Computer 2, 1986.

#include "mesh/sample_hierarchical.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "mesh/block_reader.h"
#include "mesh/chunked_sampler.h"
#include "mesh/lattice.h"
#include "mesh/parallel.h"
#include "mesh/slope_bound.h"
#include "mesh/surface_following.h"

namespace sinter::mesh {
namespace {

constexpr int kSide = BrickTable::kSide;

/// Largest stride of 8, 4, 2, 1 that leaves at least `cells` cells along an axis.
int stride_with_cells(int resolution, int cells) {
  int stride = 8;
  while (stride > 1 && resolution / stride < cells) stride /= 2;
  return stride;
}

/// Points of one brick, as offsets in it, that a stage wants evaluated.
using Wanted = std::vector<std::vector<std::uint16_t>>;

/// On the finest lattice, a point whose sign is implied by its neighbours holds plus or minus
/// infinity; a number is a sample, NaN is unknown.
bool is_sample(float value) {
  return std::isfinite(value);
}

class HierarchicalRun {
 public:
  HierarchicalRun(const Grid& grid, const FieldSampler& sampler, const HierarchicalOptions& options)
      : grid_(grid),
        options_(options),
        chunks_(grid, sampler, options.chunk, [this](std::int64_t) { report(); }),
        slopes_(grid.resolution(), static_cast<float>(options.slope)) {
    const LatticeStrides chosen = lattice_strides(grid.resolution(), options);
    trusted_stride_ = chosen.trusted;
    for (const int stride : chosen.strides) {
      lattices_.emplace_back(grid.resolution(), stride);
      stats_.levels.push_back({stride, 0});
    }
    stats_.grid_points = grid.point_count();
  }

  Field run() {
    evaluate_coarsest();
    if (lattices_.size() > 1) descend();
    BrickTable& finest = lattices_.back().values;
    forget_implied_signs();
    stats_.queries = chunks_.evaluated();
    if (options_.progress) options_.progress(1);
    return Field(grid_, std::move(finest), chunks_.range());
  }

  const SampleStats& stats() const { return stats_; }

 private:
  SlopeOptions slope_options() const {
    return {options_.level, options_.saturation, options_.threads, options_.poll};
  }

  void descend() {
    const bool estimate = options_.slope == 0;
    if (estimate) slopes_.raise_to(measured_slopes(options_.slope_safety));
    for (;;) {
      ++stats_.passes;
      for (std::size_t level = 0; level + 1 < lattices_.size(); ++level) refine(level);
      if (options_.follow_surface) follow_surface();
      stats_.slope = static_cast<double>(slopes_.largest());
      if (!estimate) return;
      // What the finer samples show may break the bounds under which cells were passed over.
      if (measured_slopes(1).is_within(slopes_)) return;
      slopes_.raise_to(measured_slopes(options_.slope_safety));
      forget_implied_signs();
    }
  }

  /// `safety` times what the samples around each place show, at least what is typical of all.
  SlopeMap measured_slopes(double safety) const {
    MeasuredSlopes measured =
        measure_slopes(grid_, lattices_, options_.slope_quantile, slope_options());
    const auto factor = static_cast<float>(safety);
    measured.local.spread();
    measured.local.scale(factor, factor * measured.typical);
    return std::move(measured.local);
  }

  void evaluate_coarsest() {
    Lattice& lattice = lattices_.front();
    Wanted wanted(static_cast<std::size_t>(lattice.values.brick_count()));
    for (std::size_t n = 0; n < wanted.size(); ++n) {
      const GridIndex brick = lattice.values.brick_position(static_cast<std::int64_t>(n));
      lattice.values.make_brick(brick);
      for (int offset = 0; offset < BrickTable::kPoints; ++offset) {
        if (is_on(lattice, point_of(brick, offset))) {
          wanted[n].push_back(static_cast<std::uint16_t>(offset));
        }
      }
    }
    evaluate(0, wanted);
  }

  // ---- one level ----

  /// Looks at the cells of one lattice and evaluates what the next finer one needs.
  void refine(std::size_t level) {
    mark_cells(lattices_[level]);
    make_child_bricks(lattices_[level], lattices_[level + 1]);
    const bool last = level + 2 == lattices_.size();
    evaluate(level + 1, collect_points(level, last));
    if (last) evaluate(level + 1, collect_corners_of_crossed_cells());
  }

  /// Marks every cell that may be crossed as refined.
  void mark_cells(Lattice& lattice) {
    const SignBound bound(grid_, slopes_, slope_options(), trusted_stride_);
    const BlockReader reader(lattice.values, options_.level, false);
    for_each_brick(lattice, [&](std::int64_t, const GridIndex& brick) {
      BlockValues block;
      reader.read(brick, block);
      for (int offset = 0; offset < BrickTable::kPoints; ++offset) {
        const GridIndex cell = point_of(brick, offset);
        const bool exists =
            std::all_of(cell.begin(), cell.end(), [&](int c) { return c < lattice.cells(); });
        if (!exists || lattice.is_refined(cell)) continue;
        if (cell_may_be_crossed(lattice, bound, block, cell)) lattice.set_refined(cell);
      }
    });
  }

  bool cell_may_be_crossed(const Lattice& lattice,
                           const SignBound& bound,
                           const BlockValues& block,
                           const GridIndex& cell) const {
    std::array<float, 8> corner;
    bool inside = false;
    for (int c = 0; c < 8; ++c) {
      const float value = block.at(cell[0] % kSide + ((c >> 2) & 1),
                                   cell[1] % kSide + ((c >> 1) & 1),
                                   cell[2] % kSide + (c & 1));
      if (!is_sample(value)) return false;
      corner[static_cast<std::size_t>(c)] = value;
      inside = inside || value > 0;
    }
    GridIndex extent;
    bool at_border = false;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      extent[axis] = lattice.to_grid(cell[axis] + 1) - lattice.to_grid(cell[axis]);
      at_border = at_border || cell[axis] == 0 || cell[axis] == lattice.cells() - 1;
    }
    // Beyond the border all is outside: inside points there are at the surface.
    if (at_border && inside) return true;
    return bound.may_be_crossed(corner, lattice.to_grid(cell), extent, lattice.stride());
  }

  /// Allocates the finer lattice's bricks that hold points of refined cells.
  void make_child_bricks(const Lattice& parent, Lattice& child) {
    for (std::int64_t n = 0; n < parent.values.brick_count(); ++n) {
      if (!parent.has_refined(n)) continue;
      const GridIndex brick = parent.values.brick_position(n);
      for (int offset = 0; offset < BrickTable::kPoints; ++offset) {
        const GridIndex cell = point_of(brick, offset);
        const bool exists =
            std::all_of(cell.begin(), cell.end(), [&](int c) { return c < parent.cells(); });
        if (!exists || !parent.is_refined(cell)) continue;
        std::array<std::array<int, 2>, 3> range;  // bricks of the child, along each axis
        for (std::size_t axis = 0; axis < 3; ++axis) {
          const int last = cell[axis] + 1 == parent.cells() ? child.cells() : 2 * cell[axis] + 2;
          range[axis] = {2 * cell[axis] / kSide, last / kSide};
        }
        for (int a = range[0][0]; a <= range[0][1]; ++a) {
          for (int b = range[1][0]; b <= range[1][1]; ++b) {
            for (int c = range[2][0]; c <= range[2][1]; ++c) child.values.make_brick({a, b, c});
          }
        }
      }
    }
  }

  /// Points of refined cells that have no sample yet. On the finest lattice those whose sign is
  /// implied are given it instead of being asked for.
  Wanted collect_points(std::size_t level, bool finest) {
    const Lattice& parent = lattices_[level];
    Lattice& child = lattices_[level + 1];
    const SignBound bound(grid_, slopes_, slope_options(), trusted_stride_);
    Wanted wanted(static_cast<std::size_t>(child.values.brick_count()));
    for_each_brick(child, [&](std::int64_t n, const GridIndex& brick) {
      BrickTable::Brick& values = child.values.make_brick(brick);
      for (int offset = 0; offset < BrickTable::kPoints; ++offset) {
        float& value = values[static_cast<std::size_t>(offset)];
        const GridIndex point = point_of(brick, offset);
        if (is_sample(value) || !is_on(child, point)) continue;
        const GridIndex at = child.to_grid(point);
        if (!is_in_refined_cell(parent, at)) continue;
        GridIndex on_parent;
        const int sign =
            finest && !parent.from_grid(at, on_parent) ? bound.implied_sign(parent, at) : 0;
        if (sign == 0 || (sign > 0 && is_at_border(at))) {
          wanted[static_cast<std::size_t>(n)].push_back(static_cast<std::uint16_t>(offset));
        } else {
          value = static_cast<float>(sign) * std::numeric_limits<float>::infinity();
        }
      }
    });
    return wanted;
  }

  /// Points with an implied sign that belong to a crossed cell: some point of their cells has the
  /// other sign.
  Wanted collect_corners_of_crossed_cells() {
    const Lattice& finest = lattices_.back();
    const BrickTable& values = finest.values;
    Wanted wanted(static_cast<std::size_t>(values.brick_count()));
    for_each_brick(finest, [&](std::int64_t n, const GridIndex& brick) {
      for (int offset = 0; offset < BrickTable::kPoints; ++offset) {
        const float value = (*values.brick(brick))[static_cast<std::size_t>(offset)];
        if (std::isinf(value) && has_opposite_neighbour(point_of(brick, offset), value > 0)) {
          wanted[static_cast<std::size_t>(n)].push_back(static_cast<std::uint16_t>(offset));
        }
      }
    });
    return wanted;
  }

  bool has_opposite_neighbour(const GridIndex& p, bool inside) const {
    const BrickTable& values = lattices_.back().values;
    const auto low = [](int x) { return std::max(x - 1, 0); };
    const auto high = [&](int x) { return std::min(x + 1, values.points() - 1); };
    for (int i = low(p[0]); i <= high(p[0]); ++i) {
      for (int j = low(p[1]); j <= high(p[1]); ++j) {
        for (int k = low(p[2]); k <= high(p[2]); ++k) {
          const float value = values.at({i, j, k}) - options_.level;
          if (!std::isnan(value) && (value > 0) != inside) return true;
        }
      }
    }
    return false;
  }

  // ---- following ----

  void follow_surface() {
    BrickTable& values = lattices_.back().values;
    std::vector<GridIndex> changed;
    for (;;) {
      const auto missing =
          missing_corners(values, options_.level, true, changed, options_.threads, options_.poll);
      if (missing.empty()) return;
      ++stats_.following_rounds;
      const std::int64_t before = chunks_.evaluated();
      begin_stage(static_cast<std::int64_t>(missing.size()));
      changed.clear();
      for (const GridIndex& p : missing) {
        request(lattices_.size() - 1, p, values.slot(p));
        changed.push_back({p[0] / kSide, p[1] / kSide, p[2] / kSide});
      }
      chunks_.flush();
      stats_.following_queries += chunks_.evaluated() - before;
    }
  }

  // ---- samples ----

  /// Evaluates the wanted points of a lattice, except those that another lattice knows already.
  void evaluate(std::size_t level, const Wanted& wanted) {
    Lattice& lattice = lattices_[level];
    const std::int64_t before = chunks_.evaluated();
    std::int64_t count = 0;
    for (const auto& part : wanted) count += static_cast<std::int64_t>(part.size());
    begin_stage(count);
    for (std::size_t n = 0; n < wanted.size(); ++n) {
      if (wanted[n].empty()) continue;
      const GridIndex brick = lattice.values.brick_position(static_cast<std::int64_t>(n));
      BrickTable::Brick& values = lattice.values.make_brick(brick);
      for (const std::uint16_t offset : wanted[n]) {
        request(level, lattice.to_grid(point_of(brick, offset)), &values[offset]);
      }
    }
    chunks_.flush();
    stats_.levels[level].queries += chunks_.evaluated() - before;
  }

  void request(std::size_t level, const GridIndex& at, float* destination) {
    for (std::size_t other = 0; other < lattices_.size(); ++other) {
      GridIndex point;
      if (other == level || !lattices_[other].from_grid(at, point)) continue;
      const float value = lattices_[other].values.at(point);
      if (!is_sample(value)) continue;
      *destination = value;
      return;
    }
    chunks_.add(at, destination);
  }

  void forget_implied_signs() {
    BrickTable& values = lattices_.back().values;
    for_each_brick(lattices_.back(), [&](std::int64_t, const GridIndex& brick) {
      for (float& value : values.make_brick(brick)) {
        if (std::isinf(value)) value = std::numeric_limits<float>::quiet_NaN();
      }
    });
  }

  // ---- small things ----

  static GridIndex point_of(const GridIndex& brick, int offset) {
    return {brick[0] * kSide + offset / (kSide * kSide),
            brick[1] * kSide + offset / kSide % kSide,
            brick[2] * kSide + offset % kSide};
  }

  static bool is_on(const Lattice& lattice, const GridIndex& point) {
    return point[0] < lattice.points() && point[1] < lattice.points() &&
           point[2] < lattice.points();
  }

  bool is_at_border(const GridIndex& at) const {
    return std::any_of(
        at.begin(), at.end(), [&](int x) { return x == 0 || x == grid_.resolution(); });
  }

  static bool is_in_refined_cell(const Lattice& lattice, const GridIndex& at) {
    const auto x = lattice.cells_at(at[0]), y = lattice.cells_at(at[1]),
               z = lattice.cells_at(at[2]);
    for (int i = x[0]; i <= x[1]; ++i) {
      for (int j = y[0]; j <= y[1]; ++j) {
        for (int k = z[0]; k <= z[1]; ++k) {
          if (lattice.is_refined({i, j, k})) return true;
        }
      }
    }
    return false;
  }

  /// Calls body(number, position) for each brick that is there; bricks in parallel.
  template <class Body>
  void for_each_brick(const Lattice& lattice, Body&& body) const {
    parallel_blocks(
        options_.threads,
        lattice.values.brick_count(),
        16,
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t n = begin; n < end; ++n) {
            const GridIndex brick = lattice.values.brick_position(n);
            if (lattice.values.brick(brick) != nullptr) body(n, brick);
          }
        },
        options_.poll);
  }

  /// From here on `count` more points are expected at once, and in later stages about as many as a
  /// surface needs on the finer lattices.
  void begin_stage(std::int64_t count) { planned_ = chunks_.evaluated() + count; }

  void report() {
    if (!options_.progress) return;
    // A closed surface of moderate size crosses some 4 N^2 cells; the band around it has about
    // three points for each.
    const double typical = 12.0 * grid_.resolution() * grid_.resolution();
    const double total = std::max(typical, 1.02 * static_cast<double>(planned_));
    progress_ =
        std::max(progress_, std::min(1.0, static_cast<double>(chunks_.evaluated()) / total));
    options_.progress(progress_);
  }

  const Grid& grid_;
  const HierarchicalOptions& options_;
  std::vector<Lattice> lattices_;  // coarse to fine; the last one is the whole grid
  int trusted_stride_ = 1;
  ChunkedSampler chunks_;
  SlopeMap slopes_;  // bound on |gradient| by place
  SampleStats stats_;
  std::int64_t planned_ = 0;
  double progress_ = 0;
};

}  // namespace

void check_options(const HierarchicalOptions& options) {
  const auto check = [](bool good, const char* what, const char* expected, double got) {
    SINTER_CHECK(good,
                 ErrorCode::invalid_argument,
                 "[sample_hierarchical] ",
                 what,
                 ": expected ",
                 expected,
                 ", got ",
                 got);
  };
  const int stride = options.coarse_stride;
  check(std::isfinite(options.level), "level", "a finite number", options.level);
  check(options.slope >= 0 && std::isfinite(options.slope), "slope", "0 or more", options.slope);
  check(options.slope_safety >= 1 && std::isfinite(options.slope_safety),
        "slope_safety",
        "1 or more",
        options.slope_safety);
  check(options.slope_quantile > 0 && options.slope_quantile <= 1,
        "slope_quantile",
        "above 0 and at most 1",
        options.slope_quantile);
  check(options.saturation > 0, "saturation", "above 0", options.saturation);
  check(stride == 0 || stride == 1 || stride == 2 || stride == 4 || stride == 8,
        "coarse_stride",
        "0, 1, 2, 4 or 8",
        stride);
}

LatticeStrides lattice_strides(int resolution, const HierarchicalOptions& options) {
  const bool automatic = options.coarse_stride == 0;
  const int coarsest = automatic ? stride_with_cells(resolution, 32) : options.coarse_stride;
  LatticeStrides chosen;
  chosen.trusted = automatic ? stride_with_cells(resolution, 64) : options.coarse_stride;
  for (int stride = coarsest; stride >= 1; stride /= 2) chosen.strides.push_back(stride);
  return chosen;
}

Field sample_hierarchical(const Grid& grid,
                          const FieldSampler& sampler,
                          const HierarchicalOptions& options,
                          SampleStats* stats) {
  check_options(options);
  return with_memory_errors("sample_hierarchical", [&] {
    HierarchicalRun run(grid, sampler, options);
    Field field = run.run();
    if (stats != nullptr) *stats = run.stats();
    return field;
  });
}

}  // namespace sinter::mesh
