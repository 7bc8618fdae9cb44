// mesh/sample_hierarchical.cpp, with a kernel for each of its steps. Sets of points are bits, one
// for each place of a lattice, made by the threads of a warp together.

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/point_marks.h"
#include "mesh/cuda/sample_hierarchical.h"
#include "mesh/cuda/scratch.h"
#include "mesh/cuda/slope_measure.cuh"
#include "mesh/cuda/surface_following.h"

namespace sinter::mesh::cuda {
namespace {

constexpr const char* kName = "hierarchical sampling";
constexpr int kMostLattices = 4;

struct Lattices {
  DeviceLattice lattice[kMostLattices];
  int count = 0;
};

unsigned blocks_for(std::int64_t count) {
  return static_cast<unsigned>((count + kThreads - 1) / kThreads);
}

/// Stores the warp's flags as the word of this thread's place.
__device__ void store_flags(bool flag,
                            std::int64_t place,
                            std::int64_t count,
                            std::uint32_t* words) {
  const std::uint32_t word = __ballot_sync(0xffffffff, flag);
  if (place % 32 == 0 && place < count) words[place / 32] = word;
}

// ---- steps: the member functions of the same names in mesh/sample_hierarchical.cpp ----

__device__ bool cell_may_be_crossed(const DeviceLattice& lattice,
                                    const DeviceSignBound& bound,
                                    const int3& cell) {
  float corner[8];
  bool inside = false;
#pragma unroll
  for (int c = 0; c < 8; ++c) {
    corner[c] =
        lattice
            .values[lattice.place(cell.x + (c >> 2), cell.y + ((c >> 1) & 1), cell.z + (c & 1))] -
        bound.level;
    if (!is_sample(corner[c])) return false;
    inside = inside || corner[c] > 0;
  }
  const int last = lattice.cells() - 1;
  const bool at_border = cell.x == 0 || cell.x == last || cell.y == 0 || cell.y == last ||
                         cell.z == 0 || cell.z == last;
  // Beyond the border all is outside: inside points there are at the surface.
  if (at_border && inside) return true;
  const int3 first = lattice.to_grid(cell);
  const int3 end = lattice.to_grid({cell.x + 1, cell.y + 1, cell.z + 1});
  return bound.may_be_crossed(
      corner, first, {end.x - first.x, end.y - first.y, end.z - first.z}, lattice.shape.stride);
}

__global__ void __launch_bounds__(kThreads)
    mark_cells_kernel(DeviceLattice lattice, DeviceSignBound bound) {
  const std::int64_t n = thread_number();
  if (n >= lattice.cell_count() || lattice.refined[n] != 0) return;
  if (cell_may_be_crossed(lattice, bound, lattice.cell_at(n))) lattice.refined[n] = 1;
}

__device__ bool is_in_refined_cell(const DeviceLattice& lattice, const int3& at) {
  const int2 x = lattice.cells_at(at.x), y = lattice.cells_at(at.y), z = lattice.cells_at(at.z);
  for (int i = x.x; i <= x.y; ++i) {
    for (int j = y.x; j <= y.y; ++j) {
      for (int k = z.x; k <= z.y; ++k) {
        if (lattice.is_refined(i, j, k)) return true;
      }
    }
  }
  return false;
}

/// Whether a point of the finer lattice must be evaluated. On the finest lattice a point whose sign
/// is implied is given it instead.
__device__ bool must_be_evaluated(const DeviceLattice& parent,
                                  const DeviceLattice& child,
                                  const DeviceSignBound& bound,
                                  bool finest,
                                  std::int64_t n) {
  if (is_sample(child.values[n])) return false;
  const int3 at = child.to_grid(child.point_at(n));
  if (!is_in_refined_cell(parent, at)) return false;
  int3 on_parent;
  const int sign = finest && !parent.from_grid(at, on_parent) ? bound.implied_sign(parent, at) : 0;
  const int last = child.shape.last;
  const bool at_border =
      at.x == 0 || at.x == last || at.y == 0 || at.y == last || at.z == 0 || at.z == last;
  if (sign == 0 || (sign > 0 && at_border)) return true;
  child.values[n] = static_cast<float>(sign) * INFINITY;
  return false;
}

__global__ void __launch_bounds__(kThreads) collect_points_kernel(DeviceLattice parent,
                                                                  DeviceLattice child,
                                                                  DeviceSignBound bound,
                                                                  bool finest,
                                                                  std::uint32_t* words) {
  const std::int64_t n = thread_number();
  const bool wanted = n < child.point_count() && must_be_evaluated(parent, child, bound, finest, n);
  store_flags(wanted, n, child.point_count(), words);
}

__device__ bool has_opposite_neighbour(const DeviceLattice& lattice,
                                       const int3& p,
                                       bool inside,
                                       float level) {
  const int last = lattice.points() - 1;
  for (int i = max(p.x - 1, 0); i <= min(p.x + 1, last); ++i) {
    for (int j = max(p.y - 1, 0); j <= min(p.y + 1, last); ++j) {
      for (int k = max(p.z - 1, 0); k <= min(p.z + 1, last); ++k) {
        const float value = lattice.values[lattice.place(i, j, k)] - level;
        if (!isnan(value) && (value > 0) != inside) return true;
      }
    }
  }
  return false;
}

__global__ void __launch_bounds__(kThreads)
    collect_corners_kernel(DeviceLattice finest, float level, std::uint32_t* words) {
  const std::int64_t n = thread_number();
  const float value = n < finest.point_count() ? finest.values[n] : 0;
  const bool wanted =
      isinf(value) && has_opposite_neighbour(finest, finest.point_at(n), value > 0, level);
  store_flags(wanted, n, finest.point_count(), words);
}

/// Of the marked points of a lattice, those that another lattice knows take their value from it and
/// are marked no longer. `marked`: how many there were.
__global__ void __launch_bounds__(kThreads) resolve_kernel(const __grid_constant__ Lattices all,
                                                           int level,
                                                           std::uint32_t* words,
                                                           std::uint32_t* marked) {
  const DeviceLattice& lattice = all.lattice[level];
  const std::int64_t n = thread_number();
  const std::int64_t count = lattice.point_count();
  const std::uint32_t word = n < count ? words[n / 32] : 0;
  if (__ballot_sync(0xffffffff, word != 0) == 0) return;  // nearly everywhere
  bool wanted = ((word >> (n % 32)) & 1) != 0;
  if (n % 32 == 0) atomicAdd(marked, static_cast<std::uint32_t>(__popc(word)));
  if (wanted) {
    const int3 at = lattice.to_grid(lattice.point_at(n));
    for (int other = 0; other < all.count; ++other) {
      int3 p;
      if (other == level || !all.lattice[other].from_grid(at, p)) continue;
      const float value = all.lattice[other].values[all.lattice[other].place(p.x, p.y, p.z)];
      if (!is_sample(value)) continue;
      lattice.values[n] = value;
      wanted = false;
      break;
    }
  }
  __syncwarp();
  store_flags(wanted, n, count, words);
}

void forget_implied_signs(const DeviceLattice& finest, cudaStream_t stream) {
  float* values = finest.values;
  for_each(finest.point_count(), kName, stream, [=] __device__(std::int64_t n) {
    if (isinf(values[n])) values[n] = NAN;
  });
}

void fill(float* values, std::int64_t count, float value, cudaStream_t stream) {
  for_each(count, kName, stream, [=] __device__(std::int64_t n) { values[n] = value; });
}

// ---- the run ----

class HierarchicalRun {
 public:
  HierarchicalRun(DeviceField& field,
                  const DeviceSampler& sampler,
                  const HierarchicalOptions& options,
                  Arena& arena,
                  cudaStream_t stream)
      : field_(field),
        options_(options),
        arena_(arena),
        stream_(stream),
        queries_(
            field, sampler, options.chunk, [this](std::int64_t) { report(); }, arena, stream) {
    const int n = field.grid().resolution();
    const LatticeStrides chosen = lattice_strides(n, options);
    trusted_stride_ = chosen.trusted;
    for (const int stride : chosen.strides) {
      DeviceLattice& lattice = all_.lattice[all_.count++];
      const bool finest = stride == 1;
      lattice.shape = {(n + stride - 1) / stride + 1, stride, n};
      lattice.values = finest ? field.values() : take<float>(arena, lattice.point_count());
      set_bytes(lattice.values, 0xff, lattice.point_count(), kName, stream);
      if (!finest) {
        lattice.refined = take<std::uint8_t>(arena, lattice.cell_count());
        set_bytes(lattice.refined, 0, lattice.cell_count(), kName, stream);
      }
      stats_.levels.push_back({stride, 0});
    }
    stats_.grid_points = field.grid().point_count();
    words_ = take<std::uint32_t>(arena, mark_words(field.grid().point_count()));
    marked_ = take<std::uint32_t>(arena, 1);
    slopes_.blocks = SlopeMap(n, 0).blocks();
    slopes_.slope = take<float>(arena, slopes_.count());
    fill(slopes_.slope, slopes_.count(), static_cast<float>(options.slope), stream);
  }

  void run() {
    evaluate_coarsest();
    if (all_.count > 1) descend();
    forget_implied_signs(finest(), stream_);
    stats_.queries = queries_.evaluated();
    field_.set_range(queries_.range());
    if (options_.progress) options_.progress(1);
  }

  const SampleStats& stats() const { return stats_; }

 private:
  const DeviceLattice& finest() const { return all_.lattice[all_.count - 1]; }

  DeviceMeasuredSlopes measure() {
    return measure_slopes(field_.grid(),
                          {all_.lattice, static_cast<std::size_t>(all_.count)},
                          options_.slope_quantile,
                          options_.saturation,
                          arena_,
                          stream_);
  }

  void descend() {
    const bool estimate = options_.slope == 0;
    const auto safety = static_cast<float>(options_.slope_safety);
    if (estimate) {
      const ArenaScope scope(arena_);
      raise_slopes(measure(), safety, slopes_, stream_);
    }
    for (;;) {
      ++stats_.passes;
      for (int level = 0; level + 1 < all_.count; ++level) refine(level);
      if (options_.follow_surface) follow_surface();
      note_largest_slope();
      if (!estimate) return;
      // What the finer samples show may break the bounds under which cells were passed over.
      const ArenaScope scope(arena_);
      const DeviceMeasuredSlopes measured = measure();
      if (is_within(measured, slopes_, arena_, stream_)) return;
      raise_slopes(measured, safety, slopes_, stream_);
      forget_implied_signs(finest(), stream_);
    }
  }

  void note_largest_slope() {
    const ArenaScope scope(arena_);
    DeviceRange* range = make_range(arena_, stream_);
    take_values(slopes_.slope, nullptr, slopes_.count(), nullptr, range, stream_);
    stats_.slope = static_cast<double>(read_back(range, kName, stream_).values().max);
  }

  void evaluate_coarsest() {
    const DeviceLattice& lattice = all_.lattice[0];
    planned_ = lattice.point_count();
    queries_.run(lattice.shape, nullptr, lattice.point_count(), lattice.values);
    queries_.check();
    stats_.levels[0].queries = lattice.point_count();
    if (options_.poll) options_.poll();
  }

  DeviceSignBound bound() const {
    const Grid& grid = field_.grid();
    return {{grid.spacing(0), grid.spacing(1), grid.spacing(2)},
            slopes_,
            options_.level,
            options_.saturation,
            trusted_stride_};
  }

  /// Looks at the cells of one lattice and evaluates what the next finer one needs.
  void refine(int level) {
    const DeviceLattice &parent = all_.lattice[level], &child = all_.lattice[level + 1];
    const bool last = level + 2 == all_.count;
    mark_cells_kernel<<<blocks_for(parent.cell_count()), kThreads, 0, stream_>>>(parent, bound());
    sinter::cuda::check_launch(kName);
    collect_points_kernel<<<blocks_for(child.point_count()), kThreads, 0, stream_>>>(
        parent, child, bound(), last, words_);
    sinter::cuda::check_launch(kName);
    stats_.levels[static_cast<std::size_t>(level + 1)].queries += evaluate(level + 1).asked;
    if (!last) return;
    collect_corners_kernel<<<blocks_for(child.point_count()), kThreads, 0, stream_>>>(
        child, options_.level, words_);
    sinter::cuda::check_launch(kName);
    stats_.levels[static_cast<std::size_t>(level + 1)].queries += evaluate(level + 1).asked;
  }

  void follow_surface() {
    for (;;) {
      mark_missing_corners(finest().values, finest().points(), options_.level, words_, stream_);
      const Evaluated evaluated = evaluate(all_.count - 1);
      if (evaluated.marked == 0) return;
      ++stats_.following_rounds;
      stats_.following_queries += evaluated.asked;
    }
  }

  struct Evaluated {
    std::int64_t marked;  ///< points that wanted a value
    std::int64_t asked;   ///< those that the sampler was asked for
  };

  /// Evaluates the marked points of a lattice, except those that another lattice knows already.
  Evaluated evaluate(int level) {
    const ArenaScope scope(arena_);
    const DeviceLattice& lattice = all_.lattice[level];
    set_bytes(marked_, 0, 1, kName, stream_);
    resolve_kernel<<<blocks_for(lattice.point_count()), kThreads, 0, stream_>>>(
        all_, level, words_, marked_);
    sinter::cuda::check_launch(kName);
    const PointList list = list_points(words_, lattice.point_count(), arena_, stream_);
    const std::uint32_t marked = read_back(marked_, kName, stream_);
    planned_ = queries_.evaluated() + marked;
    if (list.count > 0) {
      queries_.run(lattice.shape, list.places, list.count, lattice.values);
      queries_.check();
    }
    if (options_.poll) options_.poll();
    return {marked, list.count};
  }

  void report() {
    if (!options_.progress) return;
    // As on the CPU: a closed surface of moderate size crosses some 4 N^2 cells; the band around it
    // has about three points for each.
    const double side = field_.grid().resolution();
    const double total = std::max(12.0 * side * side, 1.02 * static_cast<double>(planned_));
    progress_ =
        std::max(progress_, std::min(1.0, static_cast<double>(queries_.evaluated()) / total));
    options_.progress(progress_);
  }

  DeviceField& field_;
  const HierarchicalOptions& options_;
  Arena& arena_;
  cudaStream_t stream_;
  Lattices all_;  // coarse to fine; the last one is the field
  int trusted_stride_ = 1;
  ChunkedQueries queries_;
  DeviceSlopeMap slopes_{};  // bound on |gradient| by place
  std::uint32_t* words_;     // marks of one lattice
  std::uint32_t* marked_;
  SampleStats stats_;
  std::int64_t planned_ = 0;
  double progress_ = 0;
};

}  // namespace

DeviceField sample_hierarchical(const Grid& grid,
                                const DeviceSampler& sampler,
                                const HierarchicalOptions& options,
                                Arena& arena,
                                cudaStream_t stream,
                                SampleStats* stats) {
  check_options(options);
  const ArenaScope scope(arena);
  DeviceField field(grid, arena.allocator(), stream);
  HierarchicalRun run(field, sampler, options, arena, stream);
  run.run();
  if (stats != nullptr) *stats = run.stats();
  return field;
}

}  // namespace sinter::mesh::cuda
