#pragma once
// The inner loop of rasterize_faces(): one face into some rows of depths and faces.

#include <cstdint>

#include "texture/maps/face_raster.h"

namespace sinter::texture {

/// Pixels that are looked at together. Rows of a FaceRows have as many more at their ends, which
/// are written now and then with what they held.
inline constexpr int kRowLanes = 8;

/// Rows from `first_row` on, `stride` pixels apart.
struct FaceRows {
  std::int32_t* depth;  ///< steps
  std::int32_t* face;   ///< 1 + face
  std::int64_t stride;
  int first_row;
};

inline constexpr std::int32_t kEmptyDepth = 0x7fffffff;

/// Draws one face into the pixels of `box`, all of whose rows are there. Faces must come in rising
/// order of `shown`: at equal depth the first one stays.
using DrawFace = void (*)(const ScreenPoint& a,
                          const ScreenPoint& b,
                          const ScreenPoint& c,
                          const PixelBox& box,
                          std::int32_t shown,
                          const FaceRows& rows);

/// The one for this processor, or the one that any processor runs; both do the same operations.
DrawFace draw_face_for(Instructions instructions);

}  // namespace sinter::texture
