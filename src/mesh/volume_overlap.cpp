// Lines that meet an edge or a vertex are decided as if the line were moved by an infinitely small
// step: Edelsbrunner and Mücke, "Simulation of Simplicity", ACM Transactions on Graphics 9, 1990.
// Every line then crosses a closed surface an even number of times, whatever the meshes.

#include "mesh/volume_overlap.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "mesh/bvh.h"
#include "mesh/parallel.h"
#include "mesh/predicates.h"
#include "mesh/vector_math.h"

namespace sinter::mesh {
namespace {

constexpr int kAlong = 2;  // the lines run along z; (x, y) is the plane orthogonal to them

/// Orientation of (a, b, p) seen along z with p moved by (e, e^2): never 0 for a != b in (x, y).
int moved_orientation(const Vec3& a, const Vec3& b, const Vec3& p) {
  const int sign = orientation_in_plane(kAlong, a, b, p);
  if (sign != 0) return sign;
  // d/dp_x of the area is a_y - b_y, d/dp_y is b_x - a_x.
  if (a[1] != b[1]) return a[1] > b[1] ? 1 : -1;
  if (a[0] != b[0]) return b[0] > a[0] ? 1 : -1;
  return 0;
}

struct Crossing {
  double z;
  int turn;  ///< +1 where the line enters going up, -1 where it leaves
};

/// Evenly spread lines over a rectangle.
class Lines {
 public:
  Lines(const Box& box, int resolution) : resolution_(resolution) {
    for (std::size_t axis = 0; axis < 2; ++axis) {
      const double low = static_cast<double>(box.min[axis]);
      const double size = static_cast<double>(box.max[axis]) - low;
      for (int n = 0; n < resolution; ++n) {
        at_[axis].push_back(static_cast<float>(low + size * (n + 0.5) / resolution));
      }
    }
  }

  int resolution() const { return resolution_; }

  /// Crossings of every line with the mesh, each sorted by height.
  std::vector<std::vector<Crossing>> cross(const TriangleMesh& mesh, int threads) const {
    std::vector<std::vector<Crossing>> lines(static_cast<std::size_t>(resolution_) *
                                             static_cast<std::size_t>(resolution_));
    for (std::size_t f = 0; f < mesh.faces.size(); ++f) add_face(corners(mesh, f), lines);
    const auto count = static_cast<std::int64_t>(lines.size());
    parallel_blocks(threads, count, 256, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        auto& line = lines[static_cast<std::size_t>(n)];
        std::sort(line.begin(), line.end(), [](const Crossing& a, const Crossing& b) {
          return a.z != b.z ? a.z < b.z : a.turn > b.turn;
        });
      }
    });
    return lines;
  }

 private:
  void add_face(const Triangle& t, std::vector<std::vector<Crossing>>& lines) const {
    const Box box = bounding_box(t);
    const auto first = [&](std::size_t axis) {
      return std::lower_bound(at_[axis].begin(), at_[axis].end(), box.min[axis]) -
             at_[axis].begin();
    };
    const auto last = [&](std::size_t axis) {
      return std::upper_bound(at_[axis].begin(), at_[axis].end(), box.max[axis]) -
             at_[axis].begin();
    };
    const auto x_end = last(0), y_begin = first(1), y_end = last(1);
    for (auto x = first(0); x < x_end; ++x) {
      for (auto y = y_begin; y < y_end; ++y) {
        const Vec3 p = {
            at_[0][static_cast<std::size_t>(x)], at_[1][static_cast<std::size_t>(y)], 0};
        const int side = moved_orientation(t[0], t[1], p);
        if (side == 0 || moved_orientation(t[1], t[2], p) != side ||
            moved_orientation(t[2], t[0], p) != side) {
          continue;
        }
        // A face turned towards -z is where a line going up enters.
        lines[static_cast<std::size_t>(x * resolution_ + y)].push_back({height(t, p), -side});
      }
    }
  }

  static double height(const Triangle& t, const Vec3& p) {
    const Vec3d n = area_normal(t), a = to_double(t[0]);
    const double x = static_cast<double>(p[0]) - a[0], y = static_cast<double>(p[1]) - a[1];
    const double z = a[2] - (n[0] * x + n[1] * y) / n[2];
    // A face that is nearly upright may send the quotient anywhere; the crossing is on the face.
    const Box box = bounding_box(t);
    return std::clamp(z, static_cast<double>(box.min[2]), static_cast<double>(box.max[2]));
  }

  int resolution_;
  std::array<std::vector<float>, 2> at_;
};

struct Overlap {
  double both = 0, either = 0;
};

Overlap overlap_on_line(const std::vector<Crossing>& a, const std::vector<Crossing>& b) {
  Overlap overlap;
  int winding_a = 0, winding_b = 0;
  double from = 0;
  for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    const bool take_a = j == b.size() || (i < a.size() && a[i].z <= b[j].z);
    const double to = take_a ? a[i].z : b[j].z;
    if (winding_a > 0 && winding_b > 0) overlap.both += to - from;
    if (winding_a > 0 || winding_b > 0) overlap.either += to - from;
    from = to;
    if (take_a) {
      winding_a += a[i++].turn;
    } else {
      winding_b += b[j++].turn;
    }
  }
  return overlap;
}

}  // namespace

double volume_iou(const TriangleMesh& a, const TriangleMesh& b, int resolution, int threads) {
  return with_memory_errors("compare", [&] {
    Box box = Box::empty();
    for (const Vec3& p : a.positions) box.include(p);
    for (const Vec3& p : b.positions) box.include(p);
    const Lines lines(box, resolution);
    const auto of_a = lines.cross(a, threads), of_b = lines.cross(b, threads);
    Overlap sum;
    for (std::size_t n = 0; n < of_a.size(); ++n) {
      const Overlap overlap = overlap_on_line(of_a[n], of_b[n]);
      sum.both += overlap.both;
      sum.either += overlap.either;
    }
    return sum.either > 0 ? sum.both / sum.either : 0.0;
  });
}

}  // namespace sinter::mesh
