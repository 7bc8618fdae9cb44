#pragma once
// How far two surfaces are apart.

#include <array>
#include <cstdint>
#include <vector>

#include "mesh/triangle_mesh.h"

namespace sinter::mesh {

enum class Normalize {
  none,
  reference,  ///< one map for both meshes: the reference's bounding box centred, longest side 2
};

struct CompareOptions {
  Normalize normalize = Normalize::reference;
  std::int64_t samples = 100'000;  ///< area-weighted points on each mesh
  std::uint64_t seed = 0;
  /// Distances of the F-scores: h, 2h, 4h with h = 2.02/384, and 0.05.
  std::vector<double> distances = {2.02 / 384, 4.04 / 384, 8.08 / 384, 0.05};
  int iou_resolution =
      128;          ///< lines along each side of the grid for the volume IoU; 0 turns it off
  int threads = 1;  ///< never changes the result
};

/// Distances from samples on one surface to the other surface (point to triangle).
struct DistanceSummary {
  double mean = 0, p99 = 0, max = 0;
};

struct Topology {
  std::int64_t components = 0;  ///< above 0.1 % of the mesh's area
  std::int64_t genus = 0;       ///< of the whole mesh; meaningful where watertight
  std::int64_t euler_number = 0;
  bool watertight = false;
  std::int64_t faces = 0;
  double area = 0, volume = 0;
};

struct Comparison {
  DistanceSummary forward;                         ///< samples of the mesh against the reference
  DistanceSummary backward;                        ///< samples of the reference against the mesh
  double chamfer = 0;                              ///< mean of the two mean distances, not squared
  double hausdorff = 0;                            ///< larger of the two maxima
  std::vector<double> precision, recall, f_score;  ///< by entry of CompareOptions::distances
  double normal_consistency = 0;  ///< mean over both directions of |n(p) . n(closest point)|
  double volume_iou = -1;         ///< negative where either mesh is not watertight, or turned off
  Topology mesh, reference;
  double face_ratio = 0, area_ratio = 0, volume_ratio = 0;  ///< mesh over reference
};

/// Raises ErrorCode::invalid_argument where a mesh has no face with area, a vertex that is not
/// finite, or an index beyond its vertices.
Comparison compare_meshes(const TriangleMesh& mesh,
                          const TriangleMesh& reference,
                          const CompareOptions& options = {});

}  // namespace sinter::mesh
