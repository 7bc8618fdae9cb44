#pragma once
// A picture of a mesh for somebody without a viewer: a sheet of views around it, from above and
// from below, shaded, in neutral grey or in the mesh's own colours.

#include <array>
#include <cstdint>

#include "core/image.h"
#include "mesh/triangle_mesh.h"

namespace sinter::texture {

struct RenderOptions {
  /// Side of one view in pixels, 16..4096.
  int tile = 384;
  /// Views in a row of the sheet, at least 1.
  int columns = 4;
  /// Views around the vertical axis, evenly spaced, the first from the front (+Z); 1..360.
  int turns = 6;
  /// Height of the eye of those views above the horizon, degrees, -89..89.
  double elevation = 20;
  /// Two more views, from above and from below.
  bool top_and_bottom = true;
  /// Vertical field of view, degrees, 1..120.
  double field_of_view = 30;
  /// Edges sharper than this stay sharp; degrees, 0 (flat) to 180 (all smooth).
  double crease_angle = 40;
  /// Darken creases and contacts by screen-space ambient occlusion.
  bool ambient_occlusion = true;
  /// Colours alone, without light and shadow.
  bool unlit = false;
  /// RGB of the empty picture (a slight vertical gradient is added).
  std::array<std::uint8_t, 3> background = {244, 245, 247};
  int threads = 1;
};

/// Renders the sheet as RGB, rows x columns tiles (unused ones stay background). The mesh is framed
/// by its bounding box, +Y up. Outer sides are neutral grey; inner sides, which show through holes
/// and on inverted faces, are red. The same mesh gives the same bytes for any number of threads.
/// Raises "[render] ..." (invalid_argument) for options out of range, a mesh without a face, an
/// index out of range, or no finite extent. Faces with a non-finite vertex are left out.
Image render_sheet(const mesh::TriangleMesh& mesh, const RenderOptions& options = {});

/// The same in the colours of the mesh: of its materials, textures and vertices, looked up with
/// correct perspective and averaged over what a sample covers (MipTexture). Inner sides are red but
/// for two-sided materials. A mesh on which nothing has a colour, no more than shades of grey
/// without a texture, is drawn as one without materials. Raises for lists that do not fit the mesh.
Image render_sheet(const PaintedMesh& mesh, const RenderOptions& options = {});

/// One view from `azimuth` degrees around +Y (0 is the front, +Z; 90 is +X) and `elevation` degrees
/// (-90..90), tile x tile pixels.
Image render_view(const mesh::TriangleMesh& mesh,
                  double azimuth,
                  double elevation,
                  const RenderOptions& options = {});
Image render_view(const PaintedMesh& mesh,
                  double azimuth,
                  double elevation,
                  const RenderOptions& options = {});

}  // namespace sinter::texture
