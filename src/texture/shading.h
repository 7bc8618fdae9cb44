#pragma once
// From a rasterised view to colours.

#include <vector>

#include "core/image.h"
#include "mesh/vector_math.h"

namespace sinter::texture {

/// Linear RGB of surfaces without colours of their own.
inline constexpr std::array<float, 3> kOuterColour = {0.46f, 0.46f, 0.47f};
inline constexpr std::array<float, 3> kInnerColour = {0.75f, 0.05f, 0.03f};

/// What is seen at one sample of a picture, in eye space.
struct SurfaceSample {
  std::array<float, 3> position{};
  /// Unit, towards the viewer's side. Zero where the sample is empty.
  std::array<float, 3> normal{};
  /// Linear RGB of the surface.
  std::array<float, 3> colour{};
  bool covered = false;
};

/// A picture of samples, rows from top to bottom.
struct SurfaceView {
  int side = 0;
  double tangent = 0;  ///< of the picture's half side at depth 1
  double radius = 0;   ///< of the mesh
  mesh::Vec3d up{};    ///< world "up" in eye space
  std::vector<SurfaceSample> samples;
};

/// Light that reaches a sample from everywhere at once, 0..1: one minus the share of a hemisphere
/// of directions that the view itself shows to be blocked nearby. 1 for empty samples.
std::vector<float> ambient_occlusion(const SurfaceView& view, int threads);

/// Linear RGB of a sample. `ambient` scales the light from all around.
std::array<float, 3> shade(const SurfaceSample& sample, const mesh::Vec3d& up, float ambient);

/// Linear 0..1 to an sRGB level (IEC 61966-2-1).
std::uint8_t srgb_level(float linear);

}  // namespace sinter::texture
