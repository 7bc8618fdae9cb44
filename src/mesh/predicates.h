#pragma once
// Geometric decisions on fp32 points, exact for all finite coordinates: a sign is never a matter of
// rounding.

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

/// Sign of (b - a) x (c - a) . (d - a): +1 where d lies on the side to which the counter-clockwise
/// triangle abc faces, 0 in its plane.
int orientation(const Vec3& a, const Vec3& b, const Vec3& c, const Vec3& d);

/// Sign of the area of abc after dropping coordinate `axis`; the two left are taken in cyclic
/// order.
int orientation_in_plane(int axis, const Vec3& a, const Vec3& b, const Vec3& c);

/// Whether the three points lie on one line (or coincide).
bool collinear(const Triangle& t);

/// Whether two triangles with area have a point in common that is not explained by what they share:
/// - no corner at the same position: any common point, touching included;
/// - one corner: a point besides it;
/// - two: an area, that is, one lies folded onto the other;
/// - three: never (they are duplicates).
/// Corners are shared by position, so a mesh with seams is not punished for them.
bool triangles_intersect(const Triangle& s, const Triangle& t);

}  // namespace sinter::mesh
