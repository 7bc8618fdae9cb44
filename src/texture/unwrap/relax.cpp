#include "texture/unwrap/relax.h"

// The energy of relax_stretched() is the symmetric Dirichlet energy, e.g. Smith, Schaefer,
// "Bijective parameterization with free boundaries" (2015): the sum of squares of the singular
// values of a face's map and of its inverse, 4 for an isometry and infinite for a face without
// area; a step that keeps it finite mirrors no face.

#include <algorithm>
#include <limits>
#include <vector>

namespace sinter::texture {
namespace {

std::size_t index(std::int32_t i) {
  return static_cast<std::size_t>(i);
}

/// Corners 3f + k of the chart by vertex.
class Fans {
 public:
  explicit Fans(const Chart& chart) : start_(chart.uv.size() + 1, 0) {
    for (const auto& c : chart.corners) {
      for (const std::int32_t v : c) ++start_[index(v) + 1];
    }
    for (std::size_t v = 1; v < start_.size(); ++v) start_[v] += start_[v - 1];
    corners_.resize(start_.back());
    std::vector<std::uint32_t> cursor(start_.begin(), start_.end() - 1);
    for (std::size_t f = 0; f < chart.corners.size(); ++f) {
      for (std::size_t k = 0; k < 3; ++k) {
        corners_[cursor[index(chart.corners[f][k])]++] = static_cast<std::uint32_t>(3 * f + k);
      }
    }
  }
  std::span<const std::uint32_t> operator[](std::size_t v) const {
    return {corners_.data() + start_[v], start_[v + 1] - start_[v]};
  }

 private:
  std::vector<std::uint32_t> start_, corners_;
};

/// Vertices of the faces for which `wanted` holds, ascending.
template <class Wanted>
std::vector<std::int32_t> vertices_of_faces(const Chart& chart, Wanted&& wanted) {
  std::vector<std::int32_t> vertices;
  for (std::size_t f = 0; f < chart.corners.size(); ++f) {
    if (wanted(f))
      vertices.insert(vertices.end(), chart.corners[f].begin(), chart.corners[f].end());
  }
  std::sort(vertices.begin(), vertices.end());
  vertices.erase(std::unique(vertices.begin(), vertices.end()), vertices.end());
  return vertices;
}

/// What is left of a convex polygon where orientation(a, b, p) >= margin.
void clip(std::vector<Vec2>& polygon, Vec2 a, Vec2 b, double margin, std::vector<Vec2>& scratch) {
  scratch.clear();
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Vec2 p = polygon[i], q = polygon[(i + 1) % polygon.size()];
    const double at_p = orientation(a, b, p) - margin, at_q = orientation(a, b, q) - margin;
    if (at_p >= 0) scratch.push_back(p);
    if ((at_p > 0 && at_q < 0) || (at_p < 0 && at_q > 0)) {
      scratch.push_back(p + at_p / (at_p - at_q) * (q - p));
    }
  }
  polygon.swap(scratch);
}

/// The places of vertex v at which all its faces keep `share` of their area: a convex polygon,
/// perhaps empty. Bounded by the neighbours' bounding box and a margin around it.
void find_kernel(std::span<const ReferenceTriangle> reference,
                 const Chart& chart,
                 std::span<const std::uint32_t> fan,
                 double share,
                 std::vector<Vec2>& polygon,
                 std::vector<Vec2>& scratch) {
  constexpr double kFar = std::numeric_limits<double>::max();
  Vec2 low{kFar, kFar}, high{-kFar, -kFar};
  for (const std::uint32_t corner : fan) {
    for (const std::int32_t v : chart.corners[corner / 3]) {
      const Vec2 p = chart.uv[index(v)];
      low = {std::min(low.x, p.x), std::min(low.y, p.y)};
      high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
  }
  const Vec2 margin = 0.5 * (high - low);
  low -= margin;
  high += margin;
  polygon = {low, {high.x, low.y}, high, {low.x, high.y}};
  for (const std::uint32_t corner : fan) {
    const auto& c = chart.corners[corner / 3];
    const std::size_t k = corner % 3;
    clip(polygon,
         chart.uv[index(c[(k + 1) % 3])],
         chart.uv[index(c[(k + 2) % 3])],
         share * 2 * reference[corner / 3].area,
         scratch);
  }
}

Vec2 average(std::span<const Vec2> points) {
  Vec2 sum;
  for (const Vec2 p : points) sum += p;
  return 1 / static_cast<double>(points.size()) * sum;
}

struct VertexEnergy {
  double value = 0;
  Vec2 gradient;
  double hxx = 0, hxy = 0, hyy = 0;  ///< Hessian
  double cxx = 0, cxy = 0, cyy = 0;  ///< the part of it that is positive definite for certain
};

/// Energy of the faces around a vertex; infinite where one of them counts as mirrored.
double fan_energy(std::span<const ReferenceTriangle> reference,
                  const Chart& chart,
                  std::span<const std::uint32_t> fan) {
  double energy = 0;
  for (const std::uint32_t corner : fan) {
    const Matrix2 j = jacobian_of(reference[corner / 3], chart, corner / 3);
    const double det = j.determinant();
    if (det < kMinAreaShare) return std::numeric_limits<double>::infinity();
    energy += reference[corner / 3].area * j.squared_norm() * (1 + 1 / (det * det));
  }
  return energy;
}

/// With derivatives by the vertex, whose column of the face's map is b: J = J0 + p b^T.
VertexEnergy fan_derivatives(std::span<const ReferenceTriangle> reference,
                             const Chart& chart,
                             std::span<const std::uint32_t> fan) {
  VertexEnergy sum;
  for (const std::uint32_t corner : fan) {
    const ReferenceTriangle& triangle = reference[corner / 3];
    const Matrix2 j = jacobian_of(reference[corner / 3], chart, corner / 3);
    const double det = j.determinant(), norm = j.squared_norm(), area = triangle.area;
    const Vec2 b = (1 / area) * triangle.gradient[corner % 3];
    const Vec2 jb{j.xx * b.x + j.xy * b.y, j.yx * b.x + j.yy * b.y};  // half of d norm / d p
    const Vec2 q{j.yy * b.x - j.yx * b.y, -j.xy * b.x + j.xx * b.y};  // d det / d p
    const double d2 = 1 / (det * det), d3 = d2 / det, d4 = d2 * d2;
    sum.value += area * norm * (1 + d2);
    sum.gradient += area * (2 * (1 + d2) * jb - 2 * norm * d3 * q);
    const double diagonal = 2 * dot(b, b) * (1 + d2), outer = 6 * norm * d4, mixed = -4 * d3;
    sum.cxx += area * (diagonal + outer * q.x * q.x);
    sum.cxy += area * outer * q.x * q.y;
    sum.cyy += area * (diagonal + outer * q.y * q.y);
    sum.hxx += area * mixed * 2 * jb.x * q.x;
    sum.hxy += area * mixed * (jb.x * q.y + jb.y * q.x);
    sum.hyy += area * mixed * 2 * jb.y * q.y;
  }
  sum.hxx += sum.cxx;
  sum.hxy += sum.cxy;
  sum.hyy += sum.cyy;
  return sum;
}

Vec2 newton_step(const VertexEnergy& e) {
  double xx = e.hxx, xy = e.hxy, yy = e.hyy;
  if (!(xx > 0 && xx * yy - xy * xy > 1e-3 * xx * yy)) {
    xx = e.cxx;
    xy = e.cxy;
    yy = e.cyy;
  }
  const double det = xx * yy - xy * xy;
  return {-(yy * e.gradient.x - xy * e.gradient.y) / det,
          -(xx * e.gradient.y - xy * e.gradient.x) / det};
}

}  // namespace

bool untangle(std::span<const ReferenceTriangle> reference, Chart& chart) {
  constexpr int kSweeps = 20;
  const auto mirrored = [&](std::size_t f) { return is_mirrored(reference[f], chart, f); };
  std::vector<std::int32_t> vertices = vertices_of_faces(chart, mirrored);
  if (vertices.empty()) return true;
  const Fans fans(chart);
  std::vector<Vec2> polygon, scratch;
  for (int sweep = 0; sweep < kSweeps && !vertices.empty(); ++sweep) {
    for (const std::int32_t v : vertices) {
      const auto fan = fans[index(v)];
      for (const double share : {0.2, 2 * kMinAreaShare}) {
        find_kernel(reference, chart, fan, share, polygon, scratch);
        if (polygon.empty()) continue;
        chart.uv[index(v)] = average(polygon);
        break;
      }
    }
    vertices = vertices_of_faces(chart, mirrored);
  }
  return vertices.empty();
}

void relax_stretched(std::span<const ReferenceTriangle> reference, Chart& chart) {
  constexpr int kSweeps = 8;
  constexpr double kStretched = 5;  // energy over area; a face stretched by 1.6 one way has 5
  constexpr int kHalvings = 6;
  const auto stretched = [&](std::size_t f) {
    const Matrix2 j = jacobian_of(reference[f], chart, f);
    const double det = j.determinant();
    return j.squared_norm() * (1 + 1 / (det * det)) > kStretched;
  };
  std::vector<std::int32_t> vertices = vertices_of_faces(chart, stretched);
  if (vertices.empty()) return;
  const Fans fans(chart);
  for (int sweep = 0; sweep < kSweeps && !vertices.empty(); ++sweep) {
    for (const std::int32_t v : vertices) {
      const auto fan = fans[index(v)];
      const VertexEnergy energy = fan_derivatives(reference, chart, fan);
      Vec2 step = newton_step(energy);
      const Vec2 start = chart.uv[index(v)];
      bool better = false;
      for (int i = 0; i < kHalvings && !better; ++i) {
        chart.uv[index(v)] = start + step;
        better = fan_energy(reference, chart, fan) < energy.value;
        step = 0.5 * step;
      }
      if (!better) chart.uv[index(v)] = start;
    }
    vertices = vertices_of_faces(chart, stretched);
  }
}

}  // namespace sinter::texture
