#pragma once
// FlashVDM's volume decoding: a coarse lattice in bricks, then finer ones near the surface in bins,
// where each brick and bin is answered by the part of the shape that matters to it.
//
// Lai et al., "Unleashing Vecset Diffusion Model for Fast Shape Generation" (arXiv 2503.16302).
// Upstream: hy3dgen/shapegen/models/autoencoders/volume_decoders.py (FlashVDMVolumeDecoding). The
// rules, their differences from upstream and what becomes of points that are not evaluated are in
// docs/volume-decoding.md.

#include <span>
#include <vector>

#include "mesh/field.h"
#include "mesh/sample_stats.h"

namespace sinter::mesh {

/// Points that are answered together.
struct PointGroup {
  std::span<const Vec3> sample;  ///< points by which to judge what matters to the group; not empty
  std::span<const Vec3> points;
  std::span<float> logits;  ///< to be filled, one a point, finite
};

enum class GroupStage {
  brick,  ///< one of 4x4x4 parts of the coarse lattice
  bin,    ///< points near the surface in one of 6x6x6 parts of their bounding box
};

/// Answers groups of points. Called from one thread at a time. A point's value may depend on the
/// stage and on the sample of its group, on nothing else.
using GroupSampler = std::function<void(GroupStage stage, std::span<const PointGroup> groups)>;

enum class FlashVdmLevels {
  own,       ///< the last level is the grid that was asked for
  upstream,  ///< upstream's sizes: the last level has fewer cells (384 gives 380)
};

/// Cells along an axis of each level, coarse to fine. The resolution is halved, rounding down,
/// while it is at least `min_resolution`; upstream then takes r = 4 round(r / 4) - 1 for the first
/// (rounding halves to even, so that its points fall into four equal parts) and doubles it from
/// level to level. Ours keeps the last; the others are lattices of stride 2, 4, ... whose last
/// cells may be narrower.
std::vector<int> flashvdm_levels(int resolution, FlashVdmLevels levels, int min_resolution = 63);

struct FlashVdmOptions {
  float level = 0;  ///< value at which the surface will be extracted
  FlashVdmLevels levels = FlashVdmLevels::own;
  /// Bricks and bins go to the sampler several at once while they have fewer points than this
  /// together; larger ones go alone. Never changes the result.
  std::int64_t call_points = 8000;
  int brick_sample = 100;  ///< every how manieth point of a brick is in its sample
  int bin_sample = 50;     ///< the same for bins
  float near = 0.95f;      ///< points with a smaller |value| are refined, whatever is around them
  int min_resolution = 63;
  int threads = 1;             ///< for the work between the calls; never changes the result
  bool follow_surface = true;  ///< the switch SINTER_SURFACE_FOLLOWING
  SampleProgress progress = {};
  /// Called now and then between the sampler's calls, on the calling thread. To cancel, throw.
  std::function<void()> poll = {};
};

/// Raises ErrorCode::invalid_argument for what is out of range.
void check_options(const FlashVdmOptions& options);

/// The field on the last level's grid: `grid` itself with FlashVdmLevels::own, else one of another
/// resolution over the same box. With `follow_surface` every cell that has values on both sides of
/// the level has all of them, so that marching cubes gives a closed surface. Errors as
/// sample_dense().
Field sample_flashvdm(const Grid& grid,
                      const GroupSampler& sampler,
                      const FlashVdmOptions& options = {},
                      SampleStats* stats = nullptr);

}  // namespace sinter::mesh
