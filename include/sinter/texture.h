#pragma once
/// \file
/// From a mesh to pictures of its geometry, and from pictures of its looks to a texture. Every
/// function raises sinter::Error. docs/texture.md has the conventions.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sinter/mesh.h"
#include "sinter/progress.h"

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

/// Keeps which face each pixel of a view shows (made by the CPU), for maps and baking that see the
/// same mesh from the same camera at the same size again, in any order and from any thread. A mesh
/// is told by its vertices and faces, so one that changed is another; of a camera all but its
/// weight counts.
class RasterStore {
 public:
  /// Holds at most `max_bytes`, those that were asked for last. A view takes 4 bytes a pixel and 16
  /// a vertex.
  explicit RasterStore(std::size_t max_bytes = std::size_t{1} << 29);
  ~RasterStore();
  RasterStore(const RasterStore&) = delete;
  RasterStore& operator=(const RasterStore&) = delete;

  struct Stats {
    std::int64_t made = 0, reused = 0;  ///< views
    std::size_t bytes = 0;              ///< held now
  };
  Stats stats() const;

  struct Impl;
  Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

struct MapOptions {
  std::vector<ViewCamera> cameras = default_cameras();
  int size = 2048;  ///< pixels along each side, 16..8192
  int threads = 0;  ///< 0 takes all; the result does not depend on it
  /// "cpu", "cuda", "cuda:N", or "auto": a GPU where there is one. Maps are the same.
  std::string device = "auto";
  /// Told why "auto" passes over a GPU that is there.
  std::function<void(const std::string&)> warn;
  ProgressCallback progress = {};
  /// Where set, views are taken from it and left in it.
  std::shared_ptr<RasterStore> rasters = {};
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
  std::string device;  ///< "cpu" or "cuda"
  /// What was wrong with the mesh and what was done about it, a line each.
  std::vector<std::string> repairs;
};

/// Writes NN_normal.png, NN_position.png, NN_depth.png and NN_mask.png for every camera, NN being
/// its place in the list with two digits or more, into a folder, which is made if it is missing.
MapMetrics write_maps(const std::string& folder, const Mesh& mesh, const MapOptions& options = {});

/// A mesh with places in a picture, and perhaps that picture.
struct TexturedMesh : MeshAttributes {
  Mesh mesh;
  /// width * height * 3 sRGB levels, rows from the top; nothing where the mesh has no texture.
  std::vector<std::uint8_t> rgb;
  int width = 0, height = 0;
};

/// read_mesh() with the texture coordinates and normals of GLB, glTF and OBJ files; of other
/// formats the mesh alone. Several meshes of a file become one.
/// \param info filled where not null.
TexturedMesh read_textured_mesh(const std::string& path, MeshFileInfo* info = nullptr);

struct UnwrapOptions {
  /// Side of the square atlas in texels, 32..16384. The charts are scaled to fill it.
  int texture_size = 2048;
  /// Empty texels between the texels that two charts touch, 0..64; half as many along the border.
  int gutter = 4;
  /// Charts are joined as long as the L2 stretch (see UnwrapStats) of the joint chart stays below
  /// this; at least 1. Larger means fewer charts. A single chart exceeds it where the surface is
  /// rough below the size of a chart.
  double max_stretch = 1.02;
  /// Longest side of a chart, as a fraction of the side of a square that holds the whole surface at
  /// the expected fill; 0.05..10. Longer charts are cut, which lets the rest be larger.
  double max_extent = 0.9;
  /// Charts are joined beyond max_stretch, gently at first, until at most this many are left; 0: no
  /// limit. The number can stay higher: components and what cannot be flattened stay apart.
  int max_charts = 0;
  /// CPU threads, 0 takes all; never changes the result.
  int threads = 0;
  /// Called from the calling thread, now and then, with the fraction done in [0, 1]. To cancel,
  /// throw.
  std::function<void(double fraction)> progress;
};

/// Texture stretch after Sander, Snyder, Gortler and Hoppe, "Texture mapping progressive meshes"
/// (2001), of the map from the atlas to the surface, over faces that have an area; scaled so that 1
/// is a map without any stretch.
struct UnwrapStats {
  std::int64_t charts = 0;
  /// Sum of the faces' areas in the atlas over the area of the atlas.
  double atlas_use = 0;
  /// Root of the mean, weighted by area, of (s1^2 + s2^2) / 2; s1 >= s2 are a face's singular
  /// values.
  double stretch_l2 = 1;
  /// The largest s1.
  double stretch_linf = 1;
  /// Faces that are mirrored in the atlas; 0.
  std::int64_t flipped_faces = 0;
  /// Length of the surface's edges that became borders of charts (both sides counted once), over
  /// the root of the surface's area.
  double seam_length = 0;
  /// Texels along a unit of length of the mesh.
  double texels_per_unit = 0;
  /// Faces of no area that lie in no chart: all their corners share one point of the atlas.
  std::int64_t collapsed_faces = 0;
};

/// Where the time of unwrapping went.
struct UnwrapTimes {
  double surface_ms = 0;  ///< finding neighbours
  double charts_ms = 0;   ///< cutting and flattening
  double join_ms = 0;     ///< joining charts and flattening them again
  double pack_ms = 0;     ///< finding places
};

/// What unwrap() tells beside its result.
struct UnwrapReport {
  UnwrapStats stats;
  UnwrapTimes times;  ///< all 0 where nothing was unwrapped
  /// Of the surface, vertices at exactly the same place counted as one: pieces that hang together
  /// over edges, and edges with one face.
  std::int64_t components = 0, open_edges = 0;
  /// What was wrong with the mesh and what was done about it, a line each.
  std::vector<std::string> repairs;
};

/// Cuts a mesh into charts and gives every vertex a place in one square atlas, splitting vertices
/// along the borders of charts: faces keep their order and their corners. docs/texture.md says how,
/// and what is refused. \param report filled where not null.
TexturedMesh unwrap(const Mesh& mesh,
                    const UnwrapOptions& options = {},
                    UnwrapReport* report = nullptr);

enum class BakeMethod {
  best,       ///< texels look into the views, which fade into each other; fill crosses seams
  reference,  ///< Hunyuan3D-2's formulas, its fill by vertices and OpenCV's inpainting
};

/// docs/texture.md has what both methods do.
struct BakeOptions {
  std::vector<ViewCamera> cameras = default_cameras();
  BakeMethod method = BakeMethod::best;
  int render_size = 2048;  ///< side at which views are projected, 64..8192; others are resized
  UnwrapOptions unwrap;    ///< texture_size, 64..8192 here; threads; its progress is not called
  /// Where the texture is painted: as MapOptions::device. docs/texture.md says what may differ.
  std::string device = "auto";
  /// Told why "auto" passes over a GPU that is there.
  std::function<void(const std::string&)> warn;
  ProgressCallback progress = {};
  /// Where set, views are taken from it and left in it.
  std::shared_ptr<RasterStore> rasters = {};
};

struct BakeReport {
  UnwrapReport unwrap;
  std::vector<int> skipped_views;    ///< that brought nothing new (reference)
  std::int64_t chart_texels = 0;     ///< texels that show a face
  std::vector<std::uint8_t> seen;    ///< by texel: 1 where it shows a face and a view painted it
  std::int64_t seen_texels = 0;      ///< of those, painted by a view
  std::int64_t filled_texels = 0;    ///< coloured from what surrounds them, gutters too in best
  std::int64_t unfilled_texels = 0;  ///< of charts; 0
  double pictures_ms = 0;            ///< reading and resizing
  double unwrap_ms = 0;              ///< or measuring coordinates that were given
  double project_ms = 0, fill_ms = 0;
  std::string device;  ///< "cpu" or "cuda"
};

/// Unwraps a mesh and paints its texture from pictures of it: one file for each camera, in order.
/// \param report filled where not null.
TexturedMesh bake(const Mesh& mesh,
                  const std::vector<std::string>& pictures,
                  const BakeOptions& options = {},
                  BakeReport* report = nullptr);

/// The same without unwrapping: paints a texture for the coordinates that the mesh has, and leaves
/// vertices, faces, their order, coordinates and normals as they are. Raises invalid_argument for
/// coordinates that are missing, not finite or further than 0.001 outside of 0..1; where faces
/// share texels, BakeReport says so. The unwrapping's options other than texture_size and threads
/// are not used.
TexturedMesh bake(const TexturedMesh& mesh,
                  const std::vector<std::string>& pictures,
                  const BakeOptions& options = {},
                  BakeReport* report = nullptr);

/// Writes GLB, or OBJ with a material file and a PNG beside it, as the path ends. Without a texture
/// the material is neutral and the coordinates are written all the same. `metallicFactor` is 0.
/// Coordinates are written bit for bit in a format that counts v as they do. In GLB, a vertex with
/// several coordinates or normals is followed by copies of it after all other vertices.
void write_textured_mesh(const std::string& path,
                         const TexturedMesh& mesh,
                         const Provenance& provenance = {});

/// Raises what write_textured_mesh() would raise for this path, before the work that makes the
/// mesh.
void check_textured_mesh_path(const std::string& path);

}  // namespace sinter
