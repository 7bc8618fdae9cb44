#include "texture/unwrap/flatten.h"

// As rigid as possible: Liu, Zhang, Xu, Gotsman, Gortler, "A local/global approach to mesh
// parameterization" (2008). The local step finds for every face the rotation nearest to its map,
// the global step the vertices whose maps are nearest to those rotations: one sparse symmetric
// matrix, factored once a chart.

#include <algorithm>
#include <limits>

#include "texture/unwrap/one_to_one.h"
#include "texture/unwrap/reference.h"
#include "texture/unwrap/relax.h"
#include "texture/unwrap/stiffness.h"

namespace sinter::texture {
namespace {

std::size_t index(std::int32_t i) {
  return static_cast<std::size_t>(i);
}

/// Two unit vectors at right angles to n and each other; (u, v, n) is right-handed.
std::array<Vec3, 2> plane_basis(const Vec3& n) {
  // Duff et al., "Building an orthonormal basis, revisited" (2017)
  const double sign = std::copysign(1.0, n.z);
  const double a = -1 / (sign + n.z), b = n.x * n.y * a;
  return {Vec3{1 + sign * n.x * n.x * a, sign * b, -sign * n.x}, {b, sign + n.y * n.y * a, -n.y}};
}

Vec3 mean_normal(const Surface& surface, const Chart& chart) {
  Vec3 sum, longest{0, 0, 0};
  double area = 0, most = 0;
  for (const std::uint32_t f : chart.faces) {
    sum += surface.area[f] * surface.normal[f];
    area += surface.area[f];
    if (surface.area[f] > most) {
      most = surface.area[f];
      longest = surface.normal[f];
    }
  }
  const double norm = length(sum);
  // where the normals cancel out, any start is as good as another: the largest face's plane
  if (norm > 1e-6 * area && norm > 0) return (1 / norm) * sum;
  return most > 0 ? longest : Vec3{0, 0, 1};
}

/// Local step. Adds up what the global step wants at every vertex, and returns the energy: the
/// squared distance between maps and rotations, integrated over the surface.
double pull_to_rotations(const Chart& chart,
                         std::span<const ReferenceTriangle> reference,
                         std::vector<Vec2>& target) {
  target.assign(chart.uv.size(), {});
  double energy = 0;
  for (std::size_t f = 0; f < reference.size(); ++f) {
    const auto& c = chart.corners[f];
    const std::array<std::size_t, 3> v = {static_cast<std::size_t>(c[0]),
                                          static_cast<std::size_t>(c[1]),
                                          static_cast<std::size_t>(c[2])};
    const Matrix2 j = reference[f].jacobian(chart.uv[v[0]], chart.uv[v[1]], chart.uv[v[2]]);
    const double c0 = j.xx + j.yy, s0 = j.yx - j.xy, norm = std::sqrt(c0 * c0 + s0 * s0);
    const double cosine = norm > 0 ? c0 / norm : 1, sine = norm > 0 ? s0 / norm : 0;
    energy += reference[f].area * (j.squared_norm() + 2 - 2 * norm);
    for (std::size_t k = 0; k < 3; ++k) {
      const Vec2 g = reference[f].gradient[k];
      target[v[k]] += {cosine * g.x - sine * g.y, sine * g.x + cosine * g.y};
    }
  }
  return energy;
}

/// Alternates local and global steps. Returns false where it stopped as hopeless.
bool relax_to_rigid(std::span<const ReferenceTriangle> reference,
                    double area,
                    const FlattenOptions& options,
                    Chart& chart) {
  constexpr double kFlat = 1e-9;        // mean energy of a map that needs no improvement
  constexpr double kLittleGain = 0.02;  // share of the energy an iteration must remove
  constexpr double kFarOff = 20;  // times what is allowed: hardly ever relaxed in so few iterations
  std::vector<Vec2> target;
  double energy = pull_to_rotations(chart, reference, target);
  if (energy <= kFlat * area) return true;
  if (energy > kFarOff * (options.hopeless_above - 1) * area) return false;
  StiffnessSolver solver(reference, chart);
  for (int i = 0; i < options.max_iterations; ++i) {
    if (!solver.solve(target, chart.uv)) return false;
    const double before = energy;
    energy = pull_to_rotations(chart, reference, target);
    const double gain = before - energy;
    // mean_square() - 1 lies between one and two times the mean energy near an isometry, and the
    // gains shrink from one iteration to the next
    if (i > 0 && energy - 3 * gain > (options.hopeless_above - 1) * area) return false;
    if (gain < kLittleGain * energy || energy <= kFlat * area) break;
  }
  return true;
}

/// Needs no solve, and works for a face without area too.
void lay_single_face(const Surface& surface, Chart& chart) {
  const ReferenceTriangle triangle = reference_triangle(surface.corners[chart.faces[0]]);
  // the gradient at a corner, times the area, is half the opposite side turned by a quarter
  chart.uv[index(chart.corners[0][0])] = {0, 0};
  chart.uv[index(chart.corners[0][1])] = Vec2{} - 2 * perpendicular(triangle.gradient[2]);
  chart.uv[index(chart.corners[0][2])] = 2 * perpendicular(triangle.gradient[1]);
}

}  // namespace

void project_chart(const Surface& surface, Chart& chart) {
  const auto [u, v] = plane_basis(mean_normal(surface, chart));
  for (std::size_t f = 0; f < chart.faces.size(); ++f) {
    for (std::size_t k = 0; k < 3; ++k) {
      const Vec3& p = surface.corners[chart.faces[f]][k];
      chart.uv[static_cast<std::size_t>(chart.corners[f][k])] = {dot(u, p), dot(v, p)};
    }
  }
}

FlattenStatus flatten_chart(const Surface& surface, const FlattenOptions& options, Chart& chart) {
  if (chart.border.empty()) return FlattenStatus::overlapping;
  if (chart.faces.size() == 1) lay_single_face(surface, chart);
  const std::vector<ReferenceTriangle> reference = reference_triangles(surface, chart);
  double area = 0;
  for (const ReferenceTriangle& triangle : reference) area += triangle.area;
  if (!relax_to_rigid(reference, area, options, chart)) return FlattenStatus::hopeless;
  const bool untangled = untangle(reference, chart);
  if (untangled) relax_stretched(reference, chart);
  chart.stretch = measure_stretch(reference, chart);
  if (!untangled) return FlattenStatus::flipped;
  return is_one_to_one(chart) ? FlattenStatus::valid : FlattenStatus::overlapping;
}

}  // namespace sinter::texture
