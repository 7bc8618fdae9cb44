#pragma once
// Garland and Heckbert, "Surface Simplification Using Quadric Error Metrics", SIGGRAPH 1997: a
// weighted sum of squared distances to planes and points, x^T A x + 2 b^T x + c.

#include "mesh/vector_math.h"

namespace sinter::mesh {

struct Quadric {
  double xx = 0, xy = 0, xz = 0, yy = 0, yz = 0, zz = 0;  ///< A, symmetric
  Vec3d b{};
  double c = 0;

  void add(const Quadric& q) {
    xx += q.xx;
    xy += q.xy;
    xz += q.xz;
    yy += q.yy;
    yz += q.yz;
    zz += q.zz;
    b = b + q.b;
    c += q.c;
  }

  /// weight * (n . x + d)^2 for a unit normal n.
  void add_plane(const Vec3d& n, double d, double weight) {
    xx += weight * n[0] * n[0];
    xy += weight * n[0] * n[1];
    xz += weight * n[0] * n[2];
    yy += weight * n[1] * n[1];
    yz += weight * n[1] * n[2];
    zz += weight * n[2] * n[2];
    b = b + n * (weight * d);
    c += weight * d * d;
  }

  /// weight * |x - p|^2.
  void add_point(const Vec3d& p, double weight) {
    xx += weight;
    yy += weight;
    zz += weight;
    b = b - p * weight;
    c += weight * dot(p, p);
  }

  double operator()(const Vec3d& x) const {
    const Vec3d ax = {xx * x[0] + xy * x[1] + xz * x[2],
                      xy * x[0] + yy * x[1] + yz * x[2],
                      xz * x[0] + yz * x[1] + zz * x[2]};
    return dot(x, ax) + 2 * dot(b, x) + c;
  }

  /// Where the sum is smallest; false where A is close to singular.
  bool minimum(Vec3d& x) const {
    const double mx = yy * zz - yz * yz, my = xz * yz - xy * zz, mz = xy * yz - xz * yy;
    const double determinant = xx * mx + xy * my + xz * mz;
    const double trace = xx + yy + zz;
    if (!(determinant > 1e-13 * trace * trace * trace)) return false;
    const double myy = xx * zz - xz * xz, myz = xy * xz - xx * yz, mzz = xx * yy - xy * xy;
    x = {-(mx * b[0] + my * b[1] + mz * b[2]) / determinant,
         -(my * b[0] + myy * b[1] + myz * b[2]) / determinant,
         -(mz * b[0] + myz * b[1] + mzz * b[2]) / determinant};
    return true;
  }
};

}  // namespace sinter::mesh
