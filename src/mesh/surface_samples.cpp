// Osada et al., "Shape Distributions", ACM Transactions on Graphics 21, 2002, for the square root
// that spreads points evenly in a triangle; Steele, Lea and Flood, "Fast Splittable Pseudorandom
// Number Generators", OOPSLA 2014, for the mixing function.

#include "mesh/surface_samples.h"

#include <algorithm>

#include "core/error.h"
#include "mesh/parallel.h"

namespace sinter::mesh {
namespace {

/// A number in [0, 1) that depends on nothing but the arguments.
double random_number(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t x = seed * 0x9e3779b97f4a7c15u + index;
  for (int round = 0; round < 2; ++round) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
  }
  return static_cast<double>(x >> 11) * 0x1p-53;
}

}  // namespace

std::vector<SurfaceSample> sample_surface(const TriangleMesh& mesh,
                                          std::int64_t count,
                                          std::uint64_t seed,
                                          int threads) {
  std::vector<double> area_up_to(mesh.faces.size());
  double area = 0;
  for (std::size_t f = 0; f < mesh.faces.size(); ++f) {
    area_up_to[f] = area += triangle_area(corners(mesh, f));
  }
  SINTER_CHECK(area > 0 && std::isfinite(area),
               ErrorCode::invalid_argument,
               "[compare] mesh: expected a positive, finite area, got ",
               area);
  std::vector<SurfaceSample> samples(static_cast<std::size_t>(count));
  parallel_blocks(threads, count, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const auto index = static_cast<std::uint64_t>(n) * 3;
      const double share =
          (static_cast<double>(n) + random_number(seed, index)) / static_cast<double>(count) * area;
      // The first face whose end lies beyond the share: a face without area is never met.
      const auto found = std::upper_bound(area_up_to.begin(), area_up_to.end() - 1, share);
      const auto face = static_cast<std::uint32_t>(found - area_up_to.begin());
      const Triangle t = corners(mesh, face);
      const double r = std::sqrt(random_number(seed, index + 1));
      const double s = random_number(seed, index + 2);
      samples[static_cast<std::size_t>(n)] = {
          to_double(t[0]) * (1 - r) + to_double(t[1]) * (r * (1 - s)) + to_double(t[2]) * (r * s),
          face};
    }
  });
  return samples;
}

}  // namespace sinter::mesh
