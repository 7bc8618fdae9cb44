#include "mesh/collapse_star.h"

#include <algorithm>
#include <cmath>

#include "mesh/predicates.h"

namespace sinter::mesh {
namespace {

/// Faces of less than this quality make a collapse dearer, in proportion to the square.
constexpr double kGoodQuality = 0.2;
/// Faces of less than this quality are not made, unless they were worse before.
constexpr double kLeastQuality = 1e-3;

/// A determinant of differences of drawn points is off by less than this times D^2, where D is the
/// largest coordinate of their offsets. With u = 2^-53: a drawn coordinate is at most 1.8 D and off
/// by at most 8 u D (one rounding in the offset, three products, two sums, axes of length 1 up to
/// a rounding); a difference of two at most 3.6 D and off by 20 u D; a product of two differences
/// by 160 u D^2; the determinant by 350 u D^2.
constexpr double kErrorBound = 0x1p-44;

double square(const Vec3d& a) {
  return dot(a, a);
}

/// 2 * area / (longest side)^2 from the area's vector and the two sides at one corner.
double quality_of(const Vec3d& area_vector, const Vec3d& a, const Vec3d& b) {
  const double longest = std::max({square(a), square(b), square(b - a)});
  return longest > 0 ? length(area_vector) / longest : 0;
}

}  // namespace

void CollapseStar::reset() {
  slot_.assign(mesh_.vertex_count(), 0);
  first_slot_ = 1;
}

void CollapseStar::collect(std::uint32_t u, std::uint32_t v, const Vec3& position) {
  u_ = u;
  v_ = v;
  position_ = to_double(position);
  touched_.clear();
  faces_.clear();
  for (const std::uint32_t end : {u, v}) {
    const std::uint32_t other = end == u ? v : u;
    mesh_.for_each_face(end, [&](std::uint32_t f, std::uint32_t i) {
      const Face& face = mesh_.face(f);
      const std::uint32_t a = face[(i + 1) % 3], b = face[(i + 2) % 3];
      const bool vanishes = a == other || b == other;
      if (!vanishes || end == u) touched_.push_back(f);
      if (vanishes) return;
      faces_.push_back({a, b, end, {position, mesh_.position(a), mesh_.position(b)}});
    });
  }
}

double CollapseStar::shape_penalty(double turn_limit) {
  double worst = 1;
  normal_ = {};
  for (const StarFace& face : faces_) {
    const Vec3d a = to_double(face.after[1]), b = to_double(face.after[2]);
    const Vec3d old = to_double(mesh_.position(face.before));
    const Vec3d before = cross(a - old, b - old);
    const Vec3d after = cross(a - position_, b - position_);
    const double cosine = dot(before, after);
    const double lengths = square(before) * square(after);
    if (lengths > 0 && cosine * std::abs(cosine) < turn_limit * std::abs(turn_limit) * lengths) {
      return 0;
    }
    const double quality = quality_of(after, a - position_, b - position_);
    if (quality < kLeastQuality) {
      if (quality < quality_of(before, a - old, b - old) || collinear(face.after)) return 0;
    }
    worst = std::min(worst, quality);
    normal_ = normal_ + after;
  }
  if (worst >= kGoodQuality) return 1;
  const double lack = kGoodQuality / std::max(worst, kLeastQuality);
  return lack * lack;
}

bool CollapseStar::is_free(const FaceTree& tree) {
  boxes_.clear();
  Box star = Box::empty();
  for (const StarFace& face : faces_) {
    boxes_.push_back(bounding_box(face.after));
    star.include(boxes_.back());
  }
  const bool drawn = draw();
  if (!drawn && own_faces_meet()) return false;
  const std::uint64_t all =
      faces_.size() < 64 ? (std::uint64_t{1} << faces_.size()) - 1 : ~std::uint64_t{0};
  bool free = true;
  tree.for_each_near(star, [&](std::uint32_t f) {
    if (!free) return;
    const Face& face = mesh_.face(f);
    for (const std::uint32_t w : face) {
      if (w == u_ || w == v_) return;
    }
    const Triangle triangle = mesh_.triangle(f);
    const std::uint64_t clear = drawn ? separated(face, triangle) : 0;
    if (clear != all || !drawn) free = !meets_any(triangle, clear);
  });
  return free;
}

/// Draws the far sides of the faces. True where the drawing is certain to be one turn around the
/// moved corner: then no two faces of the star meet besides their common side or corner.
bool CollapseStar::draw() {
  if (faces_.size() > kMostDrawn || mesh_.is_fixed(u_) || mesh_.is_fixed(v_)) return false;
  const double size = length(normal_);
  if (!(size > 0)) return false;
  const Vec3d normal = normal_ * (1 / size);
  std::size_t least = 0;
  for (std::size_t axis = 1; axis < 3; ++axis) {
    if (std::abs(normal[axis]) < std::abs(normal[least])) least = axis;
  }
  Vec3d side{};
  side[least] = 1;
  x_axis_ = cross(side, normal);
  x_axis_ = x_axis_ * (1 / length(x_axis_));
  y_axis_ = cross(normal, x_axis_);

  const auto count = static_cast<std::uint32_t>(faces_.size());
  if (first_slot_ > 0xffffffffu - 2 * kMostDrawn) reset();
  first_slot_ += kMostDrawn;
  extent_ = 0;
  for (std::uint32_t n = 0; n < count; ++n) {
    const Vec3d offset = to_double(faces_[n].after[1]) - position_;
    for (const double x : offset) extent_ = std::max(extent_, std::abs(x));
    points_[n] = flat(offset);
    slot_[faces_[n].a] = first_slot_ + n;
  }
  const double bound = kErrorBound * extent_ * extent_;
  int turns = 0;
  for (std::uint32_t n = 0; n < count; ++n) {
    const std::uint32_t after = slot_[faces_[n].b] - first_slot_;
    if (after >= count) return false;
    next_[n] = after;
    last_[after] = n;
    const Flat a = points_[n], b = points_[after];
    if (!(a.x * b.y - a.y * b.x > bound)) return false;
    turns += a.y < 0 && b.y >= 0;  // every turn passes the x axis upwards once
  }
  beyond_known_ = 0;
  return turns == 1;
}

CollapseStar::Flat CollapseStar::flat(const Vec3d& offset) const {
  return {dot(x_axis_, offset), dot(y_axis_, offset)};
}

/// The faces that lie on the inner side of the line through the far side of face `side`, or touch
/// it in the ends of that side only. The moved corner is always on the inner side.
std::uint64_t CollapseStar::beyond(std::size_t side) {
  if ((beyond_known_ >> side & 1) != 0) return beyond_[side];
  const Flat a = points_[side], b = points_[next_[side]];
  const Flat along = {b.x - a.x, b.y - a.y};
  const double bound = kErrorBound * extent_ * extent_;
  std::uint64_t points = std::uint64_t{1} << side | std::uint64_t{1} << next_[side];
  for (std::size_t n = 0; n < faces_.size(); ++n) {
    const double left = along.x * (points_[n].y - a.y) - along.y * (points_[n].x - a.x);
    points |= std::uint64_t{left > bound} << n;
  }
  std::uint64_t result = 0;
  for (std::size_t n = 0; n < faces_.size(); ++n) {
    result |= (points >> n & points >> next_[n] & 1) << n;
  }
  beyond_[side] = result;
  beyond_known_ |= std::uint64_t{1} << side;
  return result;
}

/// The star's faces that are certain not to meet a neighbouring face besides what they share:
/// a line along a far side of the star has them on its inner side, and the neighbour on its
/// outer side, but for ends of that side.
std::uint64_t CollapseStar::separated(const Face& face, const Triangle& triangle) {
  const auto count = static_cast<std::uint32_t>(faces_.size());
  std::array<std::uint32_t, 3> slots;
  std::array<Flat, 3> points;
  double extent = extent_;
  for (std::size_t c = 0; c < 3; ++c) {
    slots[c] = slot_[face[c]] - first_slot_;
    const Vec3d offset = to_double(triangle[c]) - position_;
    for (const double x : offset) extent = std::max(extent, std::abs(x));
    points[c] = flat(offset);
  }
  const double bound = kErrorBound * extent * extent;
  const std::uint64_t all = count < 64 ? (std::uint64_t{1} << count) - 1 : ~std::uint64_t{0};
  std::uint64_t clear = 0;
  const auto use_side = [&](std::uint32_t side) {
    const Flat a = points_[side], b = points_[next_[side]];
    const Flat along = {b.x - a.x, b.y - a.y};
    for (std::size_t c = 0; c < 3; ++c) {
      if (slots[c] == side || slots[c] == next_[side]) continue;
      const double left = along.x * (points[c].y - a.y) - along.y * (points[c].x - a.x);
      if (!(left < -bound)) return;
    }
    clear |= beyond(side);
  };
  for (std::size_t c = 0; c < 3 && clear != all; ++c) {
    if (slots[c] >= count) continue;
    use_side(slots[c]);
    if (clear != all) use_side(last_[slots[c]]);
  }
  return clear;
}

bool CollapseStar::own_faces_meet() const {
  for (std::size_t n = 0; n < faces_.size(); ++n) {
    for (std::size_t m = 0; m < n; ++m) {
      if (triangles_intersect(faces_[n].after, faces_[m].after)) return true;
    }
  }
  return false;
}

/// Faces of the star whose bits are set in `separated` need no test.
bool CollapseStar::meets_any(const Triangle& triangle, std::uint64_t separated) const {
  const Box box = bounding_box(triangle);
  bool is_proper = false;
  for (std::size_t n = 0; n < faces_.size(); ++n) {
    if (n < 64 && (separated >> n & 1) != 0) continue;
    if (!boxes_[n].meets(box)) continue;
    if (!is_proper && collinear(triangle)) return false;
    is_proper = true;
    if (triangles_intersect(faces_[n].after, triangle)) return true;
  }
  return false;
}

}  // namespace sinter::mesh
