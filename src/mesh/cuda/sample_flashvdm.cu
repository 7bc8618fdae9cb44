// mesh/sample_flashvdm.cpp, with a kernel for each of its steps. Sets of points that grow are
// bytes, one for each place of a lattice.

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "mesh/cuda/lattice.cuh"
#include "mesh/cuda/launch.cuh"
#include "mesh/cuda/point_regions.h"
#include "mesh/cuda/sample_flashvdm.h"
#include "mesh/cuda/scratch.h"
#include "mesh/cuda/surface_following.h"

namespace sinter::mesh::cuda {
namespace {

constexpr const char* kName = "flashvdm sampling";
constexpr int kBricks = 4;  // along each axis
constexpr int kBins = 6;
/// A little less than the number of bins, so that the last point falls into the last one.
constexpr float kBinScale = 5.999f;

std::int64_t cube(std::int64_t n) {
  return n * n * n;
}

// ---- sets of points ----

/// Points next to one of another sign, or with a small value.
void mark_near_surface(const DeviceLattice& lattice,
                       float level,
                       float near,
                       std::uint8_t* mask,
                       cudaStream_t stream) {
  for_each(lattice.point_count(), kName, stream, [=] __device__(std::int64_t n) {
    const float value = lattice.values[n];
    mask[n] = 0;
    if (isnan(value)) return;
    const auto sign = [level](float v) { return (v > level) - (v < level); };
    bool is_near = fabsf(value) < near;
    const int3 p = lattice.point_at(n);
    const int along[3] = {p.x, p.y, p.z};
    const std::int64_t side = lattice.points(), step[3] = {side * side, side, 1};
#pragma unroll
    for (int axis = 0; axis < 3; ++axis) {
#pragma unroll
      for (int way = -1; way <= 1; way += 2) {
        if (along[axis] + way < 0 || along[axis] + way >= side) continue;
        const float other = lattice.values[n + way * step[axis]];
        is_near = is_near || (!isnan(other) && sign(other) != sign(value));
      }
    }
    mask[n] = is_near;
  });
}

/// Adds every point that has one of the set within `radius` along every axis. Uses `other`.
void dilate(int points, int radius, std::uint8_t* mask, std::uint8_t* other, cudaStream_t stream) {
  std::uint8_t *from = mask, *to = other;
  for (const std::int64_t step : {std::int64_t{1}, std::int64_t{points}, cube(points) / points}) {
    for_each(cube(points), kName, stream, [=] __device__(std::int64_t n) {
      const int along = static_cast<int>(n / step % points);
      std::uint8_t found = 0;
      for (int d = max(-radius, -along); d <= min(radius, points - 1 - along); ++d) {
        found |= from[n + d * step];
      }
      to[n] = found;
    });
    std::swap(from, to);
  }
  sinter::cuda::check(
      cudaMemcpyAsync(
          mask, from, static_cast<std::size_t>(cube(points)), cudaMemcpyDeviceToDevice, stream),
      kName);
}

/// The same points on a finer lattice.
void carry_over(const DeviceLattice& coarse,
                const DeviceLattice& fine,
                const std::uint8_t* mask,
                std::uint8_t* fine_mask,
                cudaStream_t stream) {
  set_bytes(fine_mask, 0, fine.point_count(), kName, stream);
  for_each(coarse.point_count(), kName, stream, [=] __device__(std::int64_t n) {
    int3 p;
    if (mask[n] == 0 || !fine.from_grid(coarse.to_grid(coarse.point_at(n)), p)) return;
    fine_mask[fine.place(p.x, p.y, p.z)] = 1;
  });
}

__global__ void __launch_bounds__(kThreads)
    pack_kernel(const std::uint8_t* mask, std::int64_t count, std::uint32_t* words) {
  const std::int64_t n = thread_number();
  const std::uint32_t word = __ballot_sync(0xffffffff, n < count && mask[n] != 0);
  if (n % 32 == 0 && n < count) words[n / 32] = word;
}

PointList list_marked(const std::uint8_t* mask,
                      std::int64_t count,
                      Arena& arena,
                      cudaStream_t stream) {
  auto* words = take<std::uint32_t>(arena, mark_words(count));
  pack_kernel<<<static_cast<unsigned>((count + kThreads - 1) / kThreads), kThreads, 0, stream>>>(
      mask, count, words);
  sinter::cuda::check_launch(kName);
  return list_points(words, count, arena, stream);
}

PointList list_all(std::int64_t count, Arena& arena, cudaStream_t stream) {
  auto* places = take<std::uint32_t>(arena, count);
  for_each(count, kName, stream, [=] __device__(std::int64_t n) {
    places[n] = static_cast<std::uint32_t>(n);
  });
  return {places, count};
}

// ---- the run ----

/// Points by which to judge what matters to a region.
struct Sample {
  const float* points = nullptr;
  std::int64_t count = 0;
};

class FlashVdmRun {
 public:
  FlashVdmRun(DeviceField& field,
              std::size_t levels,
              const DeviceGroupSampler& sampler,
              const FlashVdmOptions& options,
              Arena& arena,
              cudaStream_t stream)
      : field_(field), sampler_(sampler), options_(options), arena_(arena), stream_(stream) {
    const int last = field.grid().resolution();
    for (std::size_t n = levels; n-- > 0;) {
      const int stride = 1 << n;
      DeviceLattice lattice{{(last + stride - 1) / stride + 1, stride, last}, nullptr, nullptr};
      lattice.values = n == 0 ? field.values() : take<float>(arena, lattice.point_count());
      set_bytes(lattice.values, 0xff, lattice.point_count(), kName, stream);
      lattices_.push_back(lattice);
      stats_.levels.push_back({stride, 0});
    }
    part_ = take<std::uint8_t>(arena, 3 * field.grid().points());
    stats_.grid_points = field.grid().point_count();
    stats_.passes = 1;
  }

  void run() {
    evaluate_bricks();
    for (std::size_t level = 1; level < lattices_.size(); ++level) refine(level);
    if (options_.follow_surface) follow_surface();
    if (options_.progress) options_.progress(1);
    field_.set_range(range_.empty() ? coarse_range_ : range_);
  }

  const SampleStats& stats() const { return stats_; }

 private:
  PartTable bricks() const { return {part_, kBricks}; }
  PartTable bins() const { return {part_, kBins}; }

  void evaluate_bricks() {
    const ArenaScope scope(arena_);
    const DeviceLattice& lattice = lattices_[0];
    cut_evenly(bricks(), lattice.shape, stream_);
    const PointList all = list_all(lattice.point_count(), arena_, stream_);
    const PointRegions regions = sort_into_parts(bricks(), lattice.shape, all, arena_, stream_);
    forget_samples(regions);
    stats_.levels[0].queries = all.count;
    evaluate(lattice, GroupStage::brick, regions, options_.brick_sample);
    coarse_range_ = range_;
  }

  /// From one lattice to the next finer one.
  void refine(std::size_t level) {
    const ArenaScope scope(arena_);
    const DeviceLattice &coarse = lattices_[level - 1], &fine = lattices_[level];
    const bool last = level + 1 == lattices_.size();
    auto* mask = take<std::uint8_t>(arena_, fine.point_count());
    auto* other = take<std::uint8_t>(arena_, fine.point_count());
    auto* near = take<std::uint8_t>(arena_, coarse.point_count());
    mark_near_surface(coarse, options_.level, options_.near, near, stream_);
    if (!last) dilate(coarse.points(), 1, near, other, stream_);
    carry_over(coarse, fine, near, mask, stream_);
    dilate(fine.points(), last ? 2 : 1, mask, other, stream_);
    const PointList wanted = list_marked(mask, fine.point_count(), arena_, stream_);
    if (wanted.count > 0) {
      cut_bounding_box(bins(), kBinScale, field_, fine.shape, wanted, arena_, stream_);
    }
    const PointRegions regions = sort_into_parts(bins(), fine.shape, wanted, arena_, stream_);
    range_ = {};
    forget_samples(regions);
    stats_.levels[level].queries = wanted.count;
    evaluate(fine, GroupStage::bin, regions, options_.bin_sample);
  }

  /// Completes the cells that have values on both sides of the level, until there are none left.
  /// The points are answered as members of the last level's bins.
  void follow_surface() {
    const DeviceLattice& finest = lattices_.back();
    for (;;) {
      const ArenaScope scope(arena_);
      auto* words = take<std::uint32_t>(arena_, mark_words(finest.point_count()));
      mark_missing_corners(finest.values, finest.points(), options_.level, words, stream_);
      const PointList missing = list_points(words, finest.point_count(), arena_, stream_);
      if (missing.count == 0) return;
      ++stats_.following_rounds;
      stats_.following_queries += missing.count;
      evaluate(finest,
               GroupStage::bin,
               sort_into_parts(bins(), finest.shape, missing, arena_, stream_),
               options_.bin_sample);
    }
  }

  void forget_samples(const PointRegions& regions) {
    samples_.assign(regions.count.size(), {});
    sample_memory_.clear();
  }

  /// Gives a sample to each region that has points but none yet.
  void take_samples(const DeviceLattice& lattice, const PointRegions& regions, int every) {
    const auto size = [&](std::size_t n) {
      return samples_[n].count == 0 ? (regions.count[n] + every - 1) / every : 0;
    };
    std::int64_t total = 0;
    for (std::size_t n = 0; n < samples_.size(); ++n) total += size(n);
    if (total == 0) return;
    sample_memory_.emplace_back(static_cast<std::size_t>(3 * total) * sizeof(float),
                                arena_.allocator());
    auto* next = reinterpret_cast<float*>(sample_memory_.back().data());
    for (std::size_t n = 0; n < samples_.size(); ++n) {
      const std::int64_t count = size(n);
      if (count == 0) continue;
      make_points(
          field_, lattice.shape, regions.places + regions.first[n], 0, count, next, stream_, every);
      samples_[n] = {next, count};
      next += 3 * count;
    }
  }

  /// Evaluates regions on a lattice, as many at a time as go into one call.
  void evaluate(const DeviceLattice& lattice,
                GroupStage stage,
                const PointRegions& regions,
                int every) {
    const std::int64_t total = regions.first.back() + regions.count.back();
    planned_ = stats_.queries + total;
    if (total == 0) return;
    take_samples(lattice, regions, every);
    auto* points = take<float>(arena_, 3 * total);
    auto* logits = take<float>(arena_, total);
    DeviceRange* found = make_range(arena_, stream_);
    make_points(field_, lattice.shape, regions.places, 0, total, points, stream_);
    // NaN, so that a sampler that leaves a value out is found out below.
    set_bytes(logits, 0xff, total, kName, stream_);
    for (std::size_t begin = 0, end = 0; begin < regions.count.size(); begin = end) {
      std::vector<DevicePointGroup> groups;
      std::int64_t together = 0;
      for (; end < regions.count.size(); ++end) {
        const std::int64_t more = regions.count[end];
        if (together > 0 && more > 0 && together + more >= options_.call_points) break;
        if (more == 0) continue;
        const std::int64_t first = regions.first[end];
        groups.push_back(
            {samples_[end].points, samples_[end].count, points + 3 * first, more, logits + first});
        together += more;
      }
      if (groups.empty()) continue;
      sampler_(stage, groups, stream_);
      stats_.queries += together;
      pace_.step(stream_);
      report();
    }
    take_values(logits, regions.places, total, lattice.values, found, stream_);
    const DeviceRange range = read_back(found, kName, stream_);
    check_finite(range, field_.grid(), lattice.points(), lattice.shape.stride);
    range_.include(range.values().min);
    range_.include(range.values().max);
    if (options_.poll) options_.poll();
  }

  void report() {
    if (!options_.progress) return;
    // As on the CPU: a closed surface of moderate size crosses some 4 N^2 cells; the finest level's
    // band has some eight points for each.
    const double side = field_.grid().resolution();
    const double total = std::max(32.0 * side * side, 1.02 * static_cast<double>(planned_));
    progress_ = std::max(progress_, std::min(1.0, static_cast<double>(stats_.queries) / total));
    options_.progress(progress_);
  }

  DeviceField& field_;
  const DeviceGroupSampler& sampler_;
  const FlashVdmOptions& options_;
  Arena& arena_;
  cudaStream_t stream_;
  std::vector<DeviceLattice> lattices_;  // coarse to fine; the last one is the field
  std::uint8_t* part_;                   // of the last table of bricks or bins
  std::vector<Sample> samples_;          // of the current level's regions
  std::vector<Buffer> sample_memory_;
  Pace pace_;
  ValueRange range_, coarse_range_;
  SampleStats stats_;
  std::int64_t planned_ = 0;
  double progress_ = 0;
};

}  // namespace

DeviceField sample_flashvdm(const Grid& grid,
                            const DeviceGroupSampler& sampler,
                            const FlashVdmOptions& options,
                            Arena& arena,
                            cudaStream_t stream,
                            SampleStats* stats) {
  check_options(options);
  const std::vector<int> levels =
      flashvdm_levels(grid.resolution(), options.levels, options.min_resolution);
  const ArenaScope scope(arena);
  DeviceField field(Grid(levels.back(), grid.lower(), grid.upper()), arena.allocator(), stream);
  FlashVdmRun run(field, levels.size(), sampler, options, arena, stream);
  run.run();
  if (stats != nullptr) *stats = run.stats();
  return field;
}

}  // namespace sinter::mesh::cuda
