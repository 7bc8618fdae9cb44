#pragma once
// Meshes with texture coordinates and a texture, to files.

#include <filesystem>

#include "io/mesh_file.h"
#include "sinter/texture.h"

namespace sinter::io {

/// glb or obj, from the extension of the path, any case. Raises invalid_argument "[output] ...".
MeshFormat textured_mesh_format(const std::filesystem::path& path);

/// The same surface with coordinates and normals by vertex: vertices keep their places, one that
/// has several pairs is followed by copies of it after all others, in the order of the faces.
/// Raises invalid_argument where lists do not fit the mesh.
TexturedMesh attributes_by_vertex(const TexturedMesh& mesh);

/// See sinter::write_textured_mesh(). An OBJ chair.obj names chair.mtl, which names chair.png; both
/// are written before it.
void write_textured_mesh(const std::filesystem::path& path,
                         const TexturedMesh& mesh,
                         const MeshMetadata& metadata);

}  // namespace sinter::io
