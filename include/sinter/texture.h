#pragma once
/// \file
/// From a mesh to pictures of its geometry, and from pictures of its looks to a texture. Every
/// function raises sinter::Error. docs/texture.md has the conventions.

#include <cstdint>
#include <string>
#include <vector>

#include "sinter/mesh_types.h"

namespace sinter {

/// Where a mesh is looked at from. The mesh is centred by its bounding box and scaled so that its
/// farthest vertex is 0.575 away; lengths below are in those units. The camera looks at the centre.
struct ViewCamera {
  double azimuth = 0;            ///< degrees around +Y from the front (+Z) towards +X, -720..720
  double elevation = 0;          ///< degrees above the horizon, -90..90
  bool perspective = false;      ///< otherwise orthographic
  double distance = 1.45;        ///< from the centre, 0.6..50
  double scale = 1.2;            ///< side of the orthographic picture, 0.01..100
  double field_of_view = 49.13;  ///< of the perspective picture, degrees, 1..170
  double near_plane = 0.1;       ///< above 0; with far_plane sets the resolution of depth
  double far_plane = 100;        ///< above near_plane, at most 1e6
  double weight = 1;             ///< of what is painted from here, 0..1000

  bool operator==(const ViewCamera&) const = default;
};

/// Front, right, back, left, top and bottom with the weights of Hunyuan3D-2's texture pipeline.
std::vector<ViewCamera> default_cameras();

/// Reads a list of cameras: JSON, either an array or an object with an array "cameras", of objects
/// with the members azimuth, elevation, projection ("orthographic" or "perspective"), distance,
/// scale, field_of_view, near, far, weight. What is missing has its default; 1..256 cameras.
std::vector<ViewCamera> read_cameras(const std::string& path);

struct MapOptions {
  std::vector<ViewCamera> cameras = default_cameras();
  int size = 2048;  ///< pixels along each side, 16..8192
  int threads = 0;  ///< 0 takes all; the result does not depend on it
};

/// One view's part in a run.
struct MapView {
  std::int64_t covered_pixels = 0;
  /// Distance in front of the camera of the nearest and farthest covered pixel; 0 where none is.
  double nearest = 0, farthest = 0;
  double raster_ms = 0;  ///< which face each pixel shows
  double shade_ms = 0;   ///< the values of the four maps
  double write_ms = 0;   ///< PNG files
};

struct MapMetrics {
  std::int64_t vertices = 0, faces = 0;  ///< that were drawn
  double prepare_ms = 0;                 ///< centring, scaling, normals
  std::vector<MapView> views;
  /// What was wrong with the mesh and what was done about it, a line each.
  std::vector<std::string> repairs;
};

/// Writes NN_normal.png, NN_position.png, NN_depth.png and NN_mask.png for every camera, NN being
/// its place in the list with two digits or more, into a folder, which is made if it is missing.
MapMetrics write_maps(const std::string& folder, const Mesh& mesh, const MapOptions& options = {});

}  // namespace sinter
