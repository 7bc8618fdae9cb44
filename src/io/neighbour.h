#pragma once
// Files that a mesh names as parts of itself: buffers, materials, pictures.

#include <filesystem>
#include <string_view>

#include "io/mesh_codecs.h"

namespace sinter::io {

/// Where `name` is, seen from the folder of the file that names it: in it or in a folder below. A
/// mesh from a stranger must not make sinter open files elsewhere: an absolute name, "..", a drive
/// or a scheme ("C:", "https:"), and any name where `folder` is empty (a mesh from memory), are
/// refused, "[mesh] chair.gltf: its `what` lies outside its folder, in "../chair.bin"".
std::filesystem::path neighbour_path(const MeshSource& source,
                                     const std::filesystem::path& folder,
                                     std::string_view name,
                                     std::string_view what);

}  // namespace sinter::io
