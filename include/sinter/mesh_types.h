#pragma once
/// \file
/// The plain values around meshes.
///
/// Mesh space is right-handed, +Y up, and the object's front faces +Z, as in glTF. Faces are
/// counter-clockwise seen from outside.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace sinter {

struct Mesh {
  std::vector<std::array<float, 3>> positions;      ///< x, y, z
  std::vector<std::array<std::uint32_t, 3>> faces;  ///< indices into positions
};

/// How the surface of a mesh is to look, as files say it.
struct MeshAttributes {
  /// Texture coordinates, bit for bit those of the file.
  std::vector<std::array<float, 2>> uv;
  /// By face, the place in `uv` of each corner. Empty: uv is by vertex.
  std::vector<std::array<std::uint32_t, 3>> uv_faces;
  /// Whether (0, 0) is the upper left corner of the picture, as in glTF, not the lower left one.
  bool v_down = false;
  std::vector<std::array<float, 3>> normals;  ///< unit vectors
  /// By face, the place in `normals` of each corner. Empty: by vertex.
  std::vector<std::array<std::uint32_t, 3>> normal_faces;
  /// Faces for which the file has no coordinates or no normals. Where it has them for no face, the
  /// list above is empty, and `normals` are where it lacks them for any.
  std::int64_t faces_without_uv = 0, faces_without_normals = 0;
};

/// How a texture goes on where coordinates leave 0..1.
enum class Wrap { repeat, mirror, clamp };

/// A picture that lies on a surface.
struct Texture {
  std::vector<std::uint8_t> levels;  ///< sRGB, rows from the top, pixels interleaved
  int width = 0, height = 0;
  int channels = 0;  ///< 3 RGB, 4 RGBA
};

/// The colour of a face is this one times the texture's times that of its vertices; all of it in
/// linear light.
struct Material {
  std::array<float, 3> colour = {1, 1, 1};
  int texture = -1;  ///< place in MeshLooks::textures; -1: none
  Wrap wrap_u = Wrap::repeat, wrap_v = Wrap::repeat;
  bool nearest = false;    ///< texels that are larger than pixels have hard edges
  bool two_sided = false;  ///< inner sides look like outer ones
  /// From coordinates to places in the texture: (m[0] u + m[1] v + m[2], m[3] u + m[4] v + m[5]),
  /// before MeshAttributes::v_down.
  std::array<double, 6> place = {1, 0, 0, 0, 1, 0};
};

/// Colours of a mesh, as files say them.
struct MeshLooks {
  std::vector<Texture> textures;
  std::vector<Material> materials;
  std::vector<std::uint32_t> face_materials;  ///< by face, its place in `materials`; or none
  /// By vertex, linear light; or none.
  std::vector<std::array<float, 3>> colours;
  /// What the file names and could not be had, a line each; it is drawn without it.
  std::vector<std::string> warnings;
};

/// A mesh with all that its file says of its colours.
struct PaintedMesh : MeshAttributes, MeshLooks {
  Mesh mesh;
};

enum class Axis { x, y, z, minus_x, minus_y, minus_z };

/// Which way a mesh stands in a right-handed space.
struct Axes {
  Axis up = Axis::y;
  Axis forward = Axis::z;  ///< where the object's front faces; not on the line of `up`
  bool operator==(const Axes&) const = default;
};

/// What a mesh is made of, and what is wrong with it.
struct MeshReport {
  std::int64_t vertices = 0;
  std::int64_t faces = 0;
  std::int64_t components = 0;             ///< groups of faces joined across edges
  std::int64_t boundary_edges = 0;         ///< edges with one face
  std::int64_t non_manifold_edges = 0;     ///< edges with more than two faces
  std::int64_t non_manifold_vertices = 0;  ///< vertices whose faces form more than one fan
  std::int64_t inconsistent_edges = 0;     ///< edges whose two faces run the same way along it
  std::int64_t degenerate_faces = 0;       ///< repeated index, or exactly zero area
  std::int64_t duplicate_faces = 0;        ///< same three vertices as an earlier face
  std::int64_t non_finite_vertices = 0;
  std::int64_t unreferenced_vertices = 0;
  /// Pairs of faces that meet elsewhere than in what they share.
  std::int64_t self_intersections = 0;
  std::int64_t euler_number = 0;  ///< V - E + F over referenced vertices
  std::int64_t genus = 0;         ///< handles over all components; meaningful where watertight
  double volume = 0;              ///< signed; positive where faces point outwards
  double area = 0;
  std::array<float, 3> min{}, max{};  ///< bounding box of finite vertices
  bool watertight = false;  ///< has faces, no boundary or non-manifold edge, consistently oriented
  /// Watertight, manifold at vertices too, no degenerate or duplicate face, all vertices finite,
  /// positive volume, no self-intersection.
  bool sound = false;
};

struct CompareOptions {
  /// Scale both meshes by the one map that centres the reference's bounding box and makes its
  /// longest side 2.
  bool normalize = true;
  std::int64_t samples = 100'000;  ///< area-weighted points on each mesh, 1,000..10,000,000
  std::uint64_t seed = 0;
  /// Distances of the F-scores: h, 2h, 4h with h = 2.02/384, and 0.05.
  std::vector<double> distances = {2.02 / 384, 4.04 / 384, 8.08 / 384, 0.05};
  int iou_resolution = 128;  ///< lines along each side of the grid for the volume IoU; 0: off
  int threads = 0;           ///< 0 takes all; the result does not depend on it
};

/// Distances from samples on one surface to the other surface, point to triangle.
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

/// How far a mesh is from its reference; lengths in normalised units unless normalize is off.
struct Comparison {
  DistanceSummary forward;   ///< samples of the mesh against the reference
  DistanceSummary backward;  ///< samples of the reference against the mesh
  double chamfer = 0;        ///< mean of the two mean distances, not squared
  double hausdorff = 0;      ///< larger of the two maxima
  /// By entry of CompareOptions::distances.
  std::vector<double> precision, recall, f_score;
  double normal_consistency = 0;  ///< mean over both directions of |n(p) . n(closest point)|
  double volume_iou = -1;         ///< negative where either mesh is not watertight, or turned off
  Topology mesh, reference;
  double face_ratio = 0, area_ratio = 0, volume_ratio = 0;  ///< mesh over reference
};

}  // namespace sinter
