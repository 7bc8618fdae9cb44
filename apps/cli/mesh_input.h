#pragma once
// Reading a mesh in commands that report nothing else about its file.

#include <string>

#include "device_option.h"
#include "sinter/mesh.h"

namespace sinter::cli {

/// read_mesh(), with a warning for each kind of thing that was left out of the file.
inline Mesh read_mesh_with_warnings(const std::string& path, MeshFileInfo* info = nullptr) {
  MeshFileInfo own;
  MeshFileInfo& told = info != nullptr ? *info : own;
  Mesh mesh = read_mesh(path, &told);
  for (const std::string& repair : told.repairs) print_warning(path + ": " + repair);
  return mesh;
}

}  // namespace sinter::cli
