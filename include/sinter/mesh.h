#pragma once
/// \file
/// Triangle meshes: files, checks, comparison, pictures. Every function raises sinter::Error.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sinter/mesh_types.h"

namespace sinter {

using ProvenanceValue = std::variant<std::string, std::int64_t, std::uint64_t, double, bool>;

/// Where a mesh comes from: an object in a GLB's `asset.extras`, comments in OBJ and PLY, metadata
/// in 3MF and USDZ.
struct Provenance {
  /// Half the side of the decoded cube in mesh units; 0 leaves the note out.
  double box = 0;
  std::vector<std::pair<std::string, ProvenanceValue>> entries;
};

/// What a mesh file says about itself beside its surface.
struct MeshFileInfo {
  std::string format;          ///< "glb", "gltf", "obj", "ply", "stl", "3mf" or "usdz"
  double metres_per_unit = 0;  ///< 1 in glTF, as stated in 3MF and USDZ, 0 where none is stated
  /// What the file holds that is no surface and was left out, a line for each kind: faces of one or
  /// two corners in OBJ, primitives of points or lines in glTF.
  std::vector<std::string> repairs;
};

/// Reads GLB, glTF, OBJ, PLY, STL, 3MF, and USDZ as sinter writes it, recognised by content where
/// the format allows it. Numbers are those of the file, whatever its unit; files of formats that
/// say which axis is up (3MF, USDZ) are turned to mesh space. docs/meshes.md has the table.
/// \param info filled where not null.
Mesh read_mesh(const std::string& path, MeshFileInfo* info = nullptr);

/// read_mesh() with the colours, textures and texture coordinates of GLB, glTF and OBJ files; of
/// other formats the mesh alone. docs/render.md says what is read and where pictures may lie. A
/// picture or material that is missing or damaged is a warning, not an error.
PaintedMesh read_painted_mesh(const std::string& path);

/// How write_mesh() writes. The defaults write the mesh as it is.
struct MeshWriteOptions {
  /// "glb", "obj", "ply", "stl", "3mf" or "usdz"; empty: from the extension of the path.
  std::string format;
  /// Longest side of the bounding box in millimetres, 0 or 0.001..1e9. In GLB and USDZ one unit is
  /// a metre, in the others a millimetre. 0 leaves the numbers as they are.
  double size_mm = 0;
  /// How the mesh is to stand in the file; mesh space is y up, z forward. `up` is y or z, by
  /// default y, in 3MF z, which that format prescribes. `forward` is by default z where y is up and
  /// -y where z is up.
  std::optional<Axis> up, forward;
  /// What one unit of the mesh is, in metres; 0: not known. Stated in 3MF and USDZ (as a metre
  /// where not known), and for GLB numbers are converted to metres. Not used with `size_mm`.
  double metres_per_unit = 0;
};

/// Writes through a temporary file that is renamed when it is complete.
void write_mesh(const std::string& path,
                const Mesh& mesh,
                const Provenance& provenance = {},
                const MeshWriteOptions& options = {});

/// What write_mesh() writes, in memory. \param options with a format.
std::vector<std::uint8_t> encode_mesh(const Mesh& mesh,
                                      const MeshWriteOptions& options,
                                      const Provenance& provenance = {});

/// Raises what write_mesh() would raise for this path and these options, before the work that makes
/// the mesh: an unknown extension, a folder, no permission, axes on one line.
void check_mesh_path(const std::string& path, const MeshWriteOptions& options = {});

/// Turns a mesh that stands as `from` says into mesh space, or from there to how `to` says.
/// Coordinates change places and signs and are never rounded. Raises ErrorCode::invalid_argument
/// where up and forward lie on one line.
void turn_mesh(Mesh& mesh, const Axes& from, const Axes& to = {});

/// Brings a mesh to `faces` faces (4..2^26), or one less, as a closed surface has an even number:
/// edges are collapsed where it has more, cut in the middle where it has fewer. A closed manifold
/// mesh stays one, of the same genus and without new self-intersections. Returns false where no
/// further edge could go; mesh.faces.size() says how many are left, least_faces() whether fewer are
/// possible at all.
bool set_face_count(Mesh& mesh, std::int64_t faces);

/// The fewest faces that any mesh with the handles and pieces of this one has (Jungerman and
/// Ringel, 1980); 0 where it is not closed and manifold.
std::int64_t least_faces(const Mesh& mesh);

/// \param threads CPU threads; 0 takes all. The result does not depend on it.
MeshReport check_mesh(const Mesh& mesh, int threads = 0);

Comparison compare_meshes(const Mesh& mesh,
                          const Mesh& reference,
                          const CompareOptions& options = {});

/// What colours a mesh is drawn in.
enum class RenderColours {
  lit,    ///< its own, with light and shadow
  unlit,  ///< its own alone
  plain,  ///< neutral grey
};

struct RenderOptions {
  RenderColours colours = RenderColours::lit;  ///< neutral grey where the mesh has none of its own
  int tile = 384;                              ///< pixels along each side of one view, 16..4096
  int columns = 4;                             ///< views in a row of the sheet, 1..360
  int turns = 6;               ///< views around the vertical axis, the first from the front, 1..360
  double elevation = 20;       ///< of those views above the horizon, degrees, -89..89
  bool top_and_bottom = true;  ///< two more views, from above and from below
  int threads = 0;             ///< 0 takes all
};

/// Draws the mesh from several sides on one sheet and writes it as a PNG. Back faces are drawn in
/// red, so holes show.
void render_mesh(const std::string& png_path, const Mesh& mesh, const RenderOptions& options = {});
void render_mesh(const std::string& png_path,
                 const PaintedMesh& mesh,
                 const RenderOptions& options = {});

}  // namespace sinter
