#pragma once
/// \file
/// Triangle meshes: files, checks, comparison, pictures. Every function raises sinter::Error.

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sinter/mesh_types.h"

namespace sinter {

using ProvenanceValue = std::variant<std::string, std::int64_t, std::uint64_t, double, bool>;

/// Where a mesh comes from: an object in a GLB's `asset.extras`, comments in OBJ and PLY.
struct Provenance {
  /// Half the side of the decoded cube in mesh units; 0 leaves the note out.
  double box = 0;
  std::vector<std::pair<std::string, ProvenanceValue>> entries;
};

/// Reads .glb, .gltf, .obj, .ply or .stl, recognised by content where the format allows it.
Mesh read_mesh(const std::string& path);

/// Writes .glb, .obj, .ply or .stl by extension, through a temporary file that is renamed when it
/// is complete.
void write_mesh(const std::string& path, const Mesh& mesh, const Provenance& provenance = {});

/// Raises what write_mesh() would raise for this path, before the work that makes the mesh: another
/// extension, a folder, no permission.
void check_mesh_path(const std::string& path);

/// \param threads CPU threads; 0 takes all. The result does not depend on it.
MeshReport check_mesh(const Mesh& mesh, int threads = 0);

Comparison compare_meshes(const Mesh& mesh,
                          const Mesh& reference,
                          const CompareOptions& options = {});

struct RenderOptions {
  int tile = 384;              ///< pixels along each side of one view, 16..4096
  int columns = 4;             ///< views in a row of the sheet, 1..360
  int turns = 6;               ///< views around the vertical axis, the first from the front, 1..360
  double elevation = 20;       ///< of those views above the horizon, degrees, -89..89
  bool top_and_bottom = true;  ///< two more views, from above and from below
  int threads = 0;             ///< 0 takes all
};

/// Draws the mesh from several sides on one sheet and writes it as a PNG. Back faces are drawn in
/// red, so holes show.
void render_mesh(const std::string& png_path, const Mesh& mesh, const RenderOptions& options = {});

}  // namespace sinter
