// Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric Predicates",
// Discrete & Computational Geometry 18, 1997: a determinant in plain float64 with an error bound,
// then, where the bound cannot tell the sign, the same determinant as an exact sum of float64
// terms. Möller, "A Fast Triangle-Triangle Intersection Test", Journal of Graphics Tools 2, 1997,
// for the order of the rejections.

#include "mesh/predicates.h"

#include <cmath>
#include <cstddef>

namespace sinter::mesh {
namespace {

constexpr double kEpsilon = 0x1p-53;

struct Pair {
  double high, low;  // their sum is the exact result
};

Pair exact_sum(double a, double b) {
  const double sum = a + b;
  const double b_part = sum - a;
  const double a_part = sum - b_part;
  return {sum, (a - a_part) + (b - b_part)};
}

Pair split(double a) {
  const double scaled = 134217729.0 * a;  // 2^27 + 1
  const double high = scaled - (scaled - a);
  return {high, a - high};
}

Pair exact_product(double a, double b) {
  const double product = a * b;
  const Pair x = split(a), y = split(b);
  const double error = ((x.high * y.high - product) + x.high * y.low) + x.low * y.high;
  return {product, error + x.low * y.low};
}

/// A sum of float64 terms kept without rounding: components do not overlap and grow in magnitude.
class ExactSum {
 public:
  void add(double term) {
    if (term == 0) return;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < size_; ++i) {
      const Pair s = exact_sum(term, components_[i]);
      term = s.high;
      if (s.low != 0) components_[kept++] = s.low;
    }
    if (term != 0) components_[kept++] = term;
    size_ = kept;
  }
  void add_product(double a, double b) {
    if (a == 0 || b == 0) return;
    const Pair p = exact_product(a, b);
    add(p.low);
    add(p.high);
  }
  int sign() const {
    if (size_ == 0) return 0;
    return components_[size_ - 1] > 0 ? 1 : -1;
  }
  std::size_t size() const { return size_; }
  double operator[](std::size_t i) const { return components_[i]; }

 private:
  // An exact sum has at most as many components as terms: 3 minors of 16 terms, times 2 x 2.
  std::array<double, 192> components_;
  std::size_t size_ = 0;
};

int sign_of(double value) {
  return value > 0 ? 1 : value < 0 ? -1 : 0;
}

/// x * y - z * w, exactly, for sums of two terms each.
ExactSum exact_minor(const Pair& x, const Pair& y, const Pair& z, const Pair& w) {
  ExactSum sum;
  for (const double a : {x.low, x.high}) {
    for (const double b : {y.low, y.high}) sum.add_product(a, b);
  }
  for (const double a : {z.low, z.high}) {
    for (const double b : {w.low, w.high}) sum.add_product(-a, b);
  }
  return sum;
}

Pair exact_difference(float a, float b) {
  return exact_sum(static_cast<double>(a), -static_cast<double>(b));
}

int exact_orientation(const Vec3& a, const Vec3& b, const Vec3& c, const Vec3& d) {
  std::array<Pair, 3> u, v, w;
  for (std::size_t i = 0; i < 3; ++i) {
    u[i] = exact_difference(b[i], a[i]);
    v[i] = exact_difference(c[i], a[i]);
    w[i] = exact_difference(d[i], a[i]);
  }
  ExactSum sum;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t j = (i + 1) % 3, k = (i + 2) % 3;
    const ExactSum minor = exact_minor(u[j], v[k], u[k], v[j]);
    for (std::size_t n = 0; n < minor.size(); ++n) {
      sum.add_product(minor[n], w[i].low);
      sum.add_product(minor[n], w[i].high);
    }
  }
  return sum.sign();
}

/// Whether segment pq, in the plane of t seen along `axis`, touches t.
bool segment_meets_coplanar(const Vec3& p, const Vec3& q, const Triangle& t, int axis) {
  const int turn = orientation_in_plane(axis, t[0], t[1], t[2]);
  std::array<int, 3> side_p, side_q;  // +1 inside, by edge of t
  for (std::size_t i = 0; i < 3; ++i) {
    side_p[i] = turn * orientation_in_plane(axis, t[i], t[(i + 1) % 3], p);
    side_q[i] = turn * orientation_in_plane(axis, t[i], t[(i + 1) % 3], q);
    if (side_p[i] < 0 && side_q[i] < 0) return false;
  }
  // No edge of t separates. What is left as a separating line is pq itself, or its ends.
  const int d0 = orientation_in_plane(axis, p, q, t[0]);
  const int d1 = orientation_in_plane(axis, p, q, t[1]);
  const int d2 = orientation_in_plane(axis, p, q, t[2]);
  return !((d0 > 0 && d1 > 0 && d2 > 0) || (d0 < 0 && d1 < 0 && d2 < 0));
}

int projection_axis(const Triangle& t) {
  for (int axis = 0; axis < 3; ++axis) {
    if (orientation_in_plane(axis, t[0], t[1], t[2]) != 0) return axis;
  }
  return -1;
}

/// Whether the closed segment pq and the closed triangle t have a point in common. side_p, side_q:
/// orientation of p and q against t.
bool segment_meets_triangle(
    const Vec3& p, const Vec3& q, const Triangle& t, int side_p, int side_q) {
  if (side_p * side_q > 0) return false;
  if (side_p == 0 && side_q == 0) return segment_meets_coplanar(p, q, t, projection_axis(t));
  const int s0 = orientation(p, q, t[0], t[1]);
  const int s1 = orientation(p, q, t[1], t[2]);
  if (s0 * s1 < 0) return false;
  const int s2 = orientation(p, q, t[2], t[0]);
  return s0 * s2 >= 0 && s1 * s2 >= 0;
}

/// Corners of s that are not corners of t come first; returns how many are shared.
int put_shared_last(Triangle& s, const Triangle& t) {
  int shared = 0;
  for (std::size_t i = 3; i-- > 0;) {
    if (s[i] != t[0] && s[i] != t[1] && s[i] != t[2]) continue;
    std::swap(s[i], s[2 - static_cast<std::size_t>(shared)]);
    ++shared;
  }
  return shared;
}

/// s = (a0, a1, common), t = (b0, b1, common).
bool meet_besides_corner(const Triangle& s, const Triangle& t) {
  const int a0 = orientation(t[0], t[1], t[2], s[0]);
  const int a1 = orientation(t[0], t[1], t[2], s[1]);
  if (a0 * a1 > 0) return false;
  // A ray from the common corner that enters the other triangle leaves through its far edge, or
  // ends inside: either way one far edge meets the other triangle.
  if (segment_meets_triangle(s[0], s[1], t, a0, a1)) return true;
  const int b0 = orientation(s[0], s[1], s[2], t[0]);
  const int b1 = orientation(s[0], s[1], s[2], t[1]);
  return segment_meets_triangle(t[0], t[1], s, b0, b1);
}

/// s = (a, common, common), t = (b, common, common).
bool folded_over(const Triangle& s, const Triangle& t) {
  if (orientation(s[0], s[1], s[2], t[0]) != 0) return false;
  const int axis = projection_axis(s);
  return orientation_in_plane(axis, s[1], s[2], s[0]) ==
         orientation_in_plane(axis, s[1], s[2], t[0]);
}

bool disjoint_triangles_meet(const Triangle& s, const Triangle& t) {
  std::array<int, 3> side_s, side_t;
  for (std::size_t i = 0; i < 3; ++i) side_s[i] = orientation(t[0], t[1], t[2], s[i]);
  if (side_s[0] != 0 && side_s[0] == side_s[1] && side_s[0] == side_s[2]) return false;
  for (std::size_t i = 0; i < 3; ++i) side_t[i] = orientation(s[0], s[1], s[2], t[i]);
  if (side_t[0] != 0 && side_t[0] == side_t[1] && side_t[0] == side_t[2]) return false;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t j = (i + 1) % 3;
    if (segment_meets_triangle(s[i], s[j], t, side_s[i], side_s[j])) return true;
    if (segment_meets_triangle(t[i], t[j], s, side_t[i], side_t[j])) return true;
  }
  return false;
}

}  // namespace

int orientation(const Vec3& a, const Vec3& b, const Vec3& c, const Vec3& d) {
  std::array<double, 3> u, v, w;
  for (std::size_t i = 0; i < 3; ++i) {
    u[i] = static_cast<double>(b[i]) - static_cast<double>(a[i]);
    v[i] = static_cast<double>(c[i]) - static_cast<double>(a[i]);
    w[i] = static_cast<double>(d[i]) - static_cast<double>(a[i]);
  }
  double determinant = 0, magnitude = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t j = (i + 1) % 3, k = (i + 2) % 3;
    const double positive = u[j] * v[k], negative = u[k] * v[j];
    determinant += (positive - negative) * w[i];
    magnitude += (std::abs(positive) + std::abs(negative)) * std::abs(w[i]);
  }
  // Shewchuk's bound for this formula is (7 + 56 eps) eps.
  if (std::abs(determinant) > 8 * kEpsilon * magnitude) return sign_of(determinant);
  return magnitude == 0 ? 0 : exact_orientation(a, b, c, d);
}

int orientation_in_plane(int axis, const Vec3& a, const Vec3& b, const Vec3& c) {
  const auto i = static_cast<std::size_t>((axis + 1) % 3);
  const auto j = static_cast<std::size_t>((axis + 2) % 3);
  const Pair ux = exact_difference(b[i], a[i]), uy = exact_difference(b[j], a[j]);
  const Pair vx = exact_difference(c[i], a[i]), vy = exact_difference(c[j], a[j]);
  const double positive = ux.high * vy.high, negative = uy.high * vx.high;
  const double determinant = positive - negative;
  // Shewchuk's bound for this formula is (3 + 16 eps) eps.
  if (std::abs(determinant) > 4 * kEpsilon * (std::abs(positive) + std::abs(negative))) {
    return sign_of(determinant);
  }
  return exact_minor(ux, vy, uy, vx).sign();
}

bool collinear(const Triangle& t) {
  return projection_axis(t) < 0;
}

bool triangles_intersect(const Triangle& s, const Triangle& t) {
  Triangle a = s, b = t;
  const int shared = put_shared_last(a, t);
  switch (shared) {
    case 0:
      return disjoint_triangles_meet(s, t);
    case 1:
      put_shared_last(b, s);
      return meet_besides_corner(a, b);
    case 2:
      put_shared_last(b, s);
      return folded_over(a, b);
    default:
      return false;
  }
}

}  // namespace sinter::mesh
