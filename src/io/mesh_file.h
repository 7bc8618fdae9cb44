#pragma once
// Triangle meshes from files and to files: GLB and glTF, OBJ, PLY, STL, 3MF, USDZ. Positions and
// faces, and from some texture coordinates and normals. Mesh space (+Y up, front +Z) is glTF's own
// convention. docs/meshes.md has the table of units and axes.

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "io/file.h"
#include "mesh/axes.h"
#include "mesh/triangle_mesh.h"
#include "sinter/mesh.h"

namespace sinter::io {

enum class MeshFormat { glb, gltf, obj, ply, stl, threemf, usdz };
/// Lower-case name, equal to the file extension.
const char* to_string(MeshFormat format);

using sinter::MeshFileInfo;
using sinter::MeshWriteOptions;

struct MeshLimits {
  std::size_t max_file_bytes = std::size_t{4} << 30;
  /// Bound on the vertices and on the faces of the result; node instances in glTF can multiply.
  std::size_t max_elements = std::size_t{1} << 26;
  /// Bound on the texels of all textures of a mesh together; 4 bytes each.
  std::int64_t max_texture_pixels = std::int64_t{1} << 28;
};

/// What is read beside positions and faces; what is null is not looked at.
struct LooksWanted {
  /// Texture coordinates and normals of glTF (TEXCOORD_0, NORMAL, turned with their node) and OBJ
  /// (vt, vn), unchecked but for their number and their indices.
  MeshAttributes* attributes = nullptr;
  /// Together with `attributes`: materials, textures, colours of vertices. In glTF the coordinates
  /// are then those that the materials' textures name, and there are none without a texture.
  /// What is missing or damaged is a line in `warnings`.
  MeshLooks* looks = nullptr;
};

/// Reads a mesh. glTF, GLB, PLY and binary STL are recognised by content; OBJ and ASCII STL by
/// content where it is clear and by extension otherwise.
///   glTF  triangle lists, strips and fans, indexed or not, u8/u16/u32 indices, sparse accessors,
///         node transforms of the default scene; all meshes merged. Buffers lie in the file or, for
///         .gltf, in its folder or below. Triangles of a strip that name a vertex twice are its
///         jumps and left out; lines and points are left out and counted in `info`; compressed
///         extensions are refused.
///   OBJ   v and f; faces of more corners become fans, those of fewer than three are left out and
///         counted in `info`; negative indices. Everything else is skipped.
///   PLY   ASCII and binary of both byte orders; vertex x, y, z of any type; faces as fans.
///   STL   ASCII and binary; corners with equal coordinates are welded (-0 equals 0; NaN by bits).
///   3MF   the objects that the build names, with components and transforms, also from other parts
///         of the package (production extension); z up is turned to y up.
///   USDZ  what sinter writes: one mesh in a text layer.
/// NaN and infinite coordinates are kept, for the mesh check to count. Indices are checked.
/// Raises "[mesh] chair.glb: ..." with not_found, io, corrupt, unsupported or out_of_memory.
mesh::TriangleMesh read_mesh(const std::filesystem::path& path,
                             const MeshLimits& limits = {},
                             MeshFileInfo* info = nullptr,
                             const LooksWanted& wanted = {});

/// The same from memory. `name` stands for the file in messages and its extension decides where the
/// content does not. glTF with buffers in other files is refused; materials and
/// pictures in other files are warnings.
mesh::TriangleMesh decode_mesh(std::span<const std::uint8_t> bytes,
                               std::string_view name,
                               const MeshLimits& limits = {},
                               const LooksWanted& wanted = {});

using MetadataValue = std::variant<std::string, std::int64_t, std::uint64_t, double, bool>;

/// Where a mesh comes from, in the order in which it is to be written: {"model", "sinter-small"},
/// {"model_sha256", "..."}, {"seed", 1234}, ...
struct MeshMetadata {
  /// Version of sinter, for asset.generator: "sinter 0.1.0".
  std::string version;
  /// Side of the decoder's cube is 2 * box mesh units; 0 leaves the note out.
  double box = 0;
  std::vector<std::pair<std::string, MetadataValue>> provenance;
  /// How the mesh stands that is encoded.
  mesh::Axes axes = {};
  /// What one of its units is; 0 where that is not known.
  double metres_per_unit = 0;
};

/// What a mesh looks like.
struct Appearance {
  /// By vertex, v downwards.
  std::span<const std::array<float, 2>> uv;
  /// By vertex, or none.
  std::span<const mesh::Vec3> normals;
  /// The picture; empty where there are only coordinates.
  std::span<const std::uint8_t> png;
};

struct GlbOptions {
  /// Write smooth, area-weighted vertex normals; not with those of an appearance. Upstream's
  /// untextured export has none, and a viewer then shades each face flat.
  bool normals = false;
  /// Texture coordinates and, where there is one, a texture with a plain dielectric material.
  const Appearance* appearance = nullptr;
};

/// Binary glTF 2.0: one buffer, one mesh, one neutral material, asset.extras with up_axis, unit and
/// provenance. Indices are u16 where they fit (65535 marks a restart and is not used), else u32.
/// Raises "[mesh] ..." for an index out of range or a non-finite position (glTF cannot hold one).
Bytes encode_glb(const mesh::TriangleMesh& mesh,
                 const MeshMetadata& metadata,
                 const GlbOptions& options = {});
Bytes encode_obj(const mesh::TriangleMesh& mesh, const MeshMetadata& metadata);
/// Binary little-endian PLY.
Bytes encode_ply(const mesh::TriangleMesh& mesh, const MeshMetadata& metadata);
/// Binary STL; it holds no shared vertices, and no metadata but axis and unit in its title.
Bytes encode_stl(const mesh::TriangleMesh& mesh, const MeshMetadata& metadata = {});
/// 3MF core: one object, one build item, deflated. The unit is metadata.metres_per_unit, a metre
/// where that is not known; it must be one that 3MF has a name for, see threemf_unit().
Bytes encode_threemf(const mesh::TriangleMesh& mesh, const MeshMetadata& metadata);
/// USDZ with one text layer: a mesh with smooth normals and a neutral material. `axes.up` must be y
/// or z, the only ones that USD has.
Bytes encode_usdz(const mesh::TriangleMesh& mesh, const MeshMetadata& metadata);

/// 3MF's name for a unit of that many metres, or null: micron, millimeter, centimeter, inch, foot,
/// meter.
const char* threemf_unit(double metres);

/// The format of options.format, or else of the extension of the path, any case. Raises
/// invalid_argument "[output] chair.fbx: ..." listing them, also for options that contradict each
/// other. For the start of a long run.
MeshFormat writable_mesh_format(const std::filesystem::path& path,
                                const MeshWriteOptions& options = {});

/// Turns and scales a mesh in mesh space as the options say and encodes it. `metadata` need not
/// know axes and unit; options.format must name a format.
Bytes encode_mesh(const mesh::TriangleMesh& mesh,
                  MeshMetadata metadata,
                  const MeshWriteOptions& options);

/// Turns and scales a mesh in mesh space as the options say, encodes it and writes it atomically.
/// `metadata` need not know axes and unit.
void write_mesh(const std::filesystem::path& path,
                const mesh::TriangleMesh& mesh,
                MeshMetadata metadata,
                const MeshWriteOptions& options = {});

}  // namespace sinter::io
