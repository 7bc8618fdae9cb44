// Metrics between surfaces: Chamfer distance with its 99th percentile and maximum, F-score
// (Tatarchenko et al., "What Do Single-view 3D Reconstruction Networks Learn?", CVPR 2019), normal
// consistency (Mescheder et al., "Occupancy Networks", CVPR 2019), and topology. Distances run from
// samples to the other surface, not to samples of it: those would have a floor of half their
// spacing.

#include "mesh/compare.h"

#include <algorithm>
#include <cmath>
#include <thread>

#include "core/error.h"
#include "mesh/bvh.h"
#include "mesh/check.h"
#include "mesh/cleanup.h"
#include "mesh/parallel.h"
#include "mesh/surface_samples.h"
#include "mesh/vector_math.h"
#include "mesh/volume_overlap.h"

namespace sinter::mesh {
namespace {

/// Components with at most this share of the area are left out of the count.
constexpr double kSmallComponent = 0.001;

void check_mesh_usable(const TriangleMesh& mesh, const char* which) {
  SINTER_CHECK(!mesh.faces.empty(),
               ErrorCode::invalid_argument,
               "[compare] ",
               which,
               ": expected at least one face, got none");
  for (const Face& face : mesh.faces) {
    for (const std::uint32_t v : face) {
      SINTER_CHECK(v < mesh.positions.size(),
                   ErrorCode::invalid_argument,
                   "[compare] ",
                   which,
                   ": expected vertex indices below ",
                   mesh.positions.size(),
                   ", got ",
                   v);
      const Vec3& p = mesh.positions[v];
      SINTER_CHECK(std::isfinite(p[0]) && std::isfinite(p[1]) && std::isfinite(p[2]),
                   ErrorCode::invalid_argument,
                   "[compare] ",
                   which,
                   ": expected finite positions, got vertex ",
                   v,
                   " at (",
                   p[0],
                   ", ",
                   p[1],
                   ", ",
                   p[2],
                   ")");
    }
  }
}

void check_options(const CompareOptions& options) {
  SINTER_CHECK(options.samples >= 1000 && options.samples <= 10'000'000,
               ErrorCode::invalid_argument,
               "[compare] samples: expected 1000..10000000, got ",
               options.samples);
  SINTER_CHECK(options.iou_resolution >= 0 && options.iou_resolution <= 4096,
               ErrorCode::invalid_argument,
               "[compare] iou_resolution: expected 0..4096, got ",
               options.iou_resolution);
}

/// Centres the reference's bounding box and makes its longest side 2.
struct Map {
  Vec3d center{};
  double scale = 1;

  explicit Map(const TriangleMesh& reference) {
    Box box = Box::empty();
    for (const Face& face : reference.faces) {
      for (const std::uint32_t v : face) box.include(reference.positions[v]);
    }
    const Vec3d low = to_double(box.min), high = to_double(box.max);
    center = (low + high) * 0.5;
    const double side = std::max({high[0] - low[0], high[1] - low[1], high[2] - low[2]});
    SINTER_CHECK(side > 0,
                 ErrorCode::invalid_argument,
                 "[compare] reference: expected an extent above 0, got a single point");
    scale = 2 / side;
  }

  TriangleMesh operator()(const TriangleMesh& mesh) const {
    TriangleMesh mapped = mesh;
    for (Vec3& p : mapped.positions) p = to_float((to_double(p) - center) * scale);
    return mapped;
  }
};

/// From samples on one surface to another surface.
struct Measured {
  std::vector<double> distance;
  std::vector<double> cosine;  ///< |n . n'|; negative where the closest face has no area
};

Measured measure(const TriangleMesh& from,
                 const TriangleMesh& to,
                 const CompareOptions& options,
                 std::uint64_t seed) {
  const auto samples = sample_surface(from, options.samples, seed, options.threads);
  const Bvh bvh(to);
  Measured measured{std::vector<double>(samples.size()), std::vector<double>(samples.size())};
  parallel_blocks(
      options.threads, options.samples, 1024, [&](std::int64_t begin, std::int64_t end) {
        for (auto n = static_cast<std::size_t>(begin); std::cmp_less(n, end); ++n) {
          const ClosestPoint closest = bvh.closest(samples[n].position);
          const Vec3d a = area_normal(corners(from, samples[n].face));
          const Vec3d b = area_normal(corners(to, closest.face));
          const double lengths = length(a) * length(b);
          measured.distance[n] = closest.distance;
          measured.cosine[n] = lengths > 0 ? std::min(1.0, std::abs(dot(a, b)) / lengths) : -1;
        }
      });
  return measured;
}

DistanceSummary summarize(const std::vector<double>& distance) {
  DistanceSummary summary;
  for (const double d : distance) {
    summary.mean += d;
    summary.max = std::max(summary.max, d);
  }
  summary.mean /= static_cast<double>(distance.size());
  std::vector<double> sorted = distance;
  const auto rank =
      static_cast<std::ptrdiff_t>(std::ceil(0.99 * static_cast<double>(sorted.size()))) - 1;
  std::nth_element(sorted.begin(), sorted.begin() + rank, sorted.end());
  summary.p99 = sorted[static_cast<std::size_t>(rank)];
  return summary;
}

double share_within(const std::vector<double>& distance, double limit) {
  const auto within =
      std::count_if(distance.begin(), distance.end(), [&](double d) { return d <= limit; });
  return static_cast<double>(within) / static_cast<double>(distance.size());
}

double mean_cosine(const Measured& measured) {
  double sum = 0;
  std::int64_t count = 0;
  for (const double c : measured.cosine) {
    if (c < 0) continue;
    sum += c;
    ++count;
  }
  return count > 0 ? sum / static_cast<double>(count) : 0;
}

Topology describe(const TriangleMesh& mesh, int threads) {
  const MeshReport report = check_mesh(mesh, {.self_intersections = false, .threads = threads});
  Topology topology;
  topology.genus = report.genus;
  topology.euler_number = report.euler_number;
  topology.watertight = report.watertight;
  topology.faces = report.faces;
  topology.area = report.area;
  topology.volume = report.volume;
  const Components components = find_components(mesh);
  std::vector<double> area(components.count());
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    area[components.of_face[f]] += triangle_area(corners(mesh, f));
  }
  topology.components = std::count_if(
      area.begin(), area.end(), [&](double a) { return a > kSmallComponent * report.area; });
  return topology;
}

double ratio(double value, double reference) {
  return reference != 0 ? value / reference : 0;
}

}  // namespace

Comparison compare_meshes(const TriangleMesh& mesh,
                          const TriangleMesh& reference,
                          const CompareOptions& given) {
  CompareOptions options = given;
  if (options.threads <= 0) {
    options.threads = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  check_options(options);
  check_mesh_usable(mesh, "mesh");
  check_mesh_usable(reference, "reference");
  return with_memory_errors("compare", [&] {
    TriangleMesh a = mesh, b = reference;
    if (options.normalize) {
      const Map map(reference);
      a = map(mesh);
      b = map(reference);
    }
    // Two streams, so that equal meshes are not sampled at equal points.
    const Measured forward = measure(a, b, options, 2 * options.seed);
    const Measured backward = measure(b, a, options, 2 * options.seed + 1);

    Comparison result;
    result.forward = summarize(forward.distance);
    result.backward = summarize(backward.distance);
    result.chamfer = 0.5 * (result.forward.mean + result.backward.mean);
    result.hausdorff = std::max(result.forward.max, result.backward.max);
    for (const double limit : options.distances) {
      const double precision = share_within(forward.distance, limit);
      const double recall = share_within(backward.distance, limit);
      result.precision.push_back(precision);
      result.recall.push_back(recall);
      result.f_score.push_back(ratio(2 * precision * recall, precision + recall));
    }
    result.normal_consistency = 0.5 * (mean_cosine(forward) + mean_cosine(backward));
    result.mesh = describe(a, options.threads);
    result.reference = describe(b, options.threads);
    if (options.iou_resolution > 0 && result.mesh.watertight && result.reference.watertight) {
      result.volume_iou = volume_iou(a, b, options.iou_resolution, options.threads);
    }
    result.face_ratio =
        ratio(static_cast<double>(result.mesh.faces), static_cast<double>(result.reference.faces));
    result.area_ratio = ratio(result.mesh.area, result.reference.area);
    result.volume_ratio = ratio(result.mesh.volume, result.reference.volume);
    return result;
  });
}

}  // namespace sinter::mesh
