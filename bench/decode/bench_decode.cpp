// Every way to decode a volume, on the same shapes in one run, against the dense decode.
//
//   bench_decode MODEL LATENTS.safetensors OCTREE [--threads N] [--shapes N] [--seconds S]
//   [--bounds]
//
// prints for each decode the queries, the seconds and how far its surface is from the dense one.
// With --bounds instead, for several bounds on the slope: queries of the hierarchical decode, and
// whether it found every crossed cell; each shape is evaluated densely once. Begins no new shape
// after S seconds.
//
// LATENTS: one f32 tensor [L, E] a shape (make_latents.py). Within a shape the decodes follow each
// other directly, so that a machine whose speed drifts treats all alike.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "mesh/compare.h"
#include "mesh/marching_cubes.h"
#include "mesh/parallel.h"
#include "mesh/sample_dense.h"
#include "mesh/sample_hierarchical.h"
#include "models/shape_model.h"
#include "pipeline/volume.h"

namespace {

using namespace sinter;  // NOLINT(google-build-using-namespace): a program of one file

struct Mode {
  const char* name;
  Decode decode;
  FlashVdmKeys keys = FlashVdmKeys::mean;
  FlashVdmLevels levels = FlashVdmLevels::own;
};

constexpr Mode kModes[] = {
    {"dense", Decode::dense},
    {"hierarchical", Decode::hierarchical},
    {"flashvdm mean", Decode::flashvdm},
    {"flashvdm merge", Decode::flashvdm, FlashVdmKeys::merge},
    {"flashvdm mean, upstream's levels",
     Decode::flashvdm,
     FlashVdmKeys::mean,
     FlashVdmLevels::upstream},
};

/// Over all shapes.
struct Totals {
  std::vector<double> queries, seconds, mean, p99, max;
  int equal = 0, shapes = 0;
};

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

class Bench {
 public:
  Bench(const std::string& model, const std::string& latents, int octree, int threads)
      : latents_(checkpoint::Checkpoint::open(latents)),
        model_(models::ShapeModel::open(model)),
        vae_(model_.load_vae({.threads = threads})) {
    ctx_.threads = threads;
    options_.octree = octree;
  }

  void run(std::size_t shapes, double seconds, bool bounds) {
    const auto start = std::chrono::steady_clock::now();
    for (const checkpoint::TensorEntry& entry : latents_.entries()) {
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
      if (done_ == shapes || spent.count() > seconds) break;
      const models::GeometryMemory memory = remember(entry);
      bounds ? try_bounds(memory) : compare_modes(memory);
      ++done_;
      std::fprintf(stderr, "%zu %s\n", done_, std::string(entry.name).c_str());
    }
    bounds ? print_bounds() : print_modes();
  }

 private:
  models::GeometryMemory remember(const checkpoint::TensorEntry& entry) {
    ArenaScope scope(ctx_.arena());
    const Tensor latents = ctx_.allocate(DType::f32, entry.shape, "latents");
    convert_to_float(entry.bytes.data(),
                     entry.dtype,
                     latents.f32_mut(),
                     static_cast<std::size_t>(latents.elements()));
    return vae_->remember(ctx_, vae_->decode(ctx_, latents));
  }

  mesh::Field decode(const models::GeometryMemory& memory,
                     const Mode& mode,
                     mesh::SampleStats& stats) {
    GenerateOptions options = options_;
    options.decode = mode.decode;
    options.flashvdm_keys = mode.keys;
    options.flashvdm_levels = mode.levels;
    return pipeline::sample_volume(
        ctx_, *vae_, memory, options, [](double) {}, stats);
  }

  void compare_modes(const models::GeometryMemory& memory) {
    mesh::TriangleMesh dense;
    for (std::size_t n = 0; n < std::size(kModes); ++n) {
      Totals& totals = totals_[n];
      mesh::SampleStats stats;
      const auto start = std::chrono::steady_clock::now();
      const mesh::Field field = decode(memory, kModes[n], stats);
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      totals.seconds.push_back(seconds.count());
      totals.queries.push_back(static_cast<double>(stats.queries));
      const mesh::TriangleMesh found = mesh::marching_cubes(field, {.threads = ctx_.threads});
      if (n == 0) dense = found;
      ++totals.shapes;
      if (found.positions == dense.positions && found.faces == dense.faces) {
        ++totals.equal;
        totals.mean.push_back(0);
        totals.p99.push_back(0);
        totals.max.push_back(0);
        continue;
      }
      mesh::CompareOptions compare;
      compare.normalize = false;
      compare.iou_resolution = 0;
      compare.threads = ctx_.threads;
      const mesh::Comparison c = mesh::compare_meshes(found, dense, compare);
      const double cell = 2 * options_.box / options_.octree;
      totals.mean.push_back(c.chamfer / cell);
      totals.p99.push_back(std::max(c.forward.p99, c.backward.p99) / cell);
      totals.max.push_back(c.hausdorff / cell);
    }
  }

  void print_modes() const {
    std::printf("octree %d, %zu shapes, %d threads; medians; distances in grid cells\n\n",
                options_.octree,
                done_,
                ctx_.threads);
    std::printf(
        "| decode | queries | of dense | seconds | times dense | mean distance | p99 | "
        "largest of all | same mesh |\n|---|---|---|---|---|---|---|---|---|\n");
    for (std::size_t n = 0; n < std::size(kModes); ++n) {
      const Totals& t = totals_[n];
      std::vector<double> speed;
      for (std::size_t i = 0; i < t.seconds.size(); ++i) {
        speed.push_back(totals_[0].seconds[i] / t.seconds[i]);
      }
      std::printf("| %s | %.0f | %.2f %% | %.2f | %.1f | %.4f | %.3f | %.2f | %d of %d |\n",
                  kModes[n].name,
                  median(t.queries),
                  100 * median(t.queries) / median(totals_[0].queries),
                  median(t.seconds),
                  median(speed),
                  median(t.mean),
                  median(t.p99),
                  t.max.empty() ? 0 : *std::max_element(t.max.begin(), t.max.end()),
                  t.equal,
                  t.shapes);
    }
  }

  // ---- bounds on the slope ----

  /// Crossed cells of the dense field that the other one lacks a corner of, and all of them.
  static std::pair<std::int64_t, std::int64_t> missing_cells(const mesh::Field& dense,
                                                             const mesh::Field& sparse,
                                                             int threads) {
    const int cells = dense.grid().resolution();
    std::atomic<std::int64_t> missing{0}, crossed{0};
    mesh::parallel_blocks(threads, cells, 1, [&](std::int64_t slab, std::int64_t) {
      for (int n = 0; n < cells * cells; ++n) {
        const int i = static_cast<int>(slab), j = n / cells, k = n % cells;
        int inside = 0;
        bool known = true;
        for (int c = 0; c < 8; ++c) {
          const mesh::GridIndex p = {i + ((c >> 2) & 1), j + ((c >> 1) & 1), k + (c & 1)};
          inside += dense.at(p) > 0;
          known = known && !std::isnan(sparse.at(p));
        }
        if (inside == 0 || inside == 8) continue;
        ++crossed;
        missing += !known;
      }
    });
    return {missing, crossed};
  }

  void try_bounds(const models::GeometryMemory& memory) {
    mesh::SampleStats stats;
    const mesh::Field dense = decode(memory, kModes[0], stats);
    const mesh::Grid& grid = dense.grid();
    const mesh::FieldSampler look_up = [&](std::span<const mesh::Vec3> points,
                                           std::span<float> logits) {
      for (std::size_t n = 0; n < points.size(); ++n) {
        mesh::GridIndex p;
        for (std::size_t axis = 0; axis < 3; ++axis) {
          p[axis] = static_cast<int>(std::lround((double{points[n][axis]} - grid.lower()[axis]) /
                                                 grid.spacing(static_cast<int>(axis))));
        }
        logits[n] = dense.at(p);
      }
    };
    for (std::size_t n = 0; n < std::size(kQuantiles); ++n) {
      mesh::HierarchicalOptions options;
      options.threads = ctx_.threads;
      options.slope_quantile = kQuantiles[n];
      const mesh::Field sparse = mesh::sample_hierarchical(grid, look_up, options, &stats);
      BoundTotals& t = bounds_[n];
      t.queries.push_back(static_cast<double>(stats.queries));
      t.passes.push_back(stats.passes);
      t.followed += stats.following_queries;
      t.shapes_followed += stats.following_queries > 0;
      const auto [missing, crossed] = missing_cells(dense, sparse, ctx_.threads);
      t.lost += missing;
      t.crossed += crossed;
      t.by_level.resize(stats.levels.size());
      for (std::size_t level = 0; level < stats.levels.size(); ++level) {
        t.by_level[level] += static_cast<double>(stats.levels[level].queries);
      }
    }
  }

  void print_bounds() const {
    std::printf(
        "octree %d, %zu shapes\n\n"
        "| floor: quantile of all slopes | queries, median | passes | by following | "
        "in shapes | crossed cells lost | of | mean queries by level |\n"
        "|---|---|---|---|---|---|---|---|\n",
        options_.octree,
        done_);
    for (std::size_t n = 0; n < std::size(kQuantiles); ++n) {
      const BoundTotals& t = bounds_[n];
      std::printf("| %g | %.0f | %.0f | %lld | %d | %lld | %lld |",
                  kQuantiles[n],
                  median(t.queries),
                  median(t.passes),
                  static_cast<long long>(t.followed),
                  t.shapes_followed,
                  static_cast<long long>(t.lost),
                  static_cast<long long>(t.crossed));
      for (const double queries : t.by_level) {
        std::printf(" %.0f", queries / static_cast<double>(done_));
      }
      std::printf(" |\n");
    }
  }

  struct BoundTotals {
    std::vector<double> queries, passes, by_level;
    std::int64_t followed = 0, lost = 0, crossed = 0;
    int shapes_followed = 0;
  };
  /// 1: the same bound everywhere.
  static constexpr double kQuantiles[] = {1, 0.99, 0.9, 0.5, 0.1};

  checkpoint::Checkpoint latents_;
  models::ShapeModel model_;
  models::Loaded<models::ShapeVae> vae_;
  Context ctx_;
  GenerateOptions options_;
  std::size_t done_ = 0;
  Totals totals_[std::size(kModes)];
  BoundTotals bounds_[std::size(kQuantiles)];
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> files;
  int threads = 1;
  std::size_t shapes = 1000;
  double seconds = 1e9;
  bool bounds = false;
  try {
    for (int n = 1; n < argc; ++n) {
      const std::string word = argv[n];
      const std::string next = n + 1 < argc ? argv[n + 1] : "";
      if (word == "--bounds") {
        bounds = true;
      } else if (word.starts_with("--")) {
        ++n;
        if (word == "--threads") threads = std::stoi(next);
        if (word == "--shapes") shapes = std::stoul(next);
        if (word == "--seconds") seconds = std::stod(next);
      } else {
        files.push_back(word);
      }
    }
    if (files.size() != 3) {
      std::fprintf(stderr,
                   "usage: bench_decode MODEL LATENTS OCTREE [--threads N] [--shapes N] "
                   "[--seconds S] [--bounds]\n");
      return 2;
    }
    Bench(files[0], files[1], std::stoi(files[2]), threads).run(shapes, seconds, bounds);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_decode: %s\n", error.what());
    return 1;
  }
  return 0;
}
