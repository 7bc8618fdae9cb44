#pragma once
// What the faces of an OBJ file look like: mtllib, usemtl, and the pictures behind them.

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/mtl.h"
#include "io/texture_loader.h"

namespace sinter::io {

/// Collects the statements; finish() reads the files that they name, which lie in the folder of the
/// file that names them, or below. Backslashes in their names count as slashes.
class ObjMaterials {
 public:
  ObjMaterials(const MeshSource& source, MeshLooks& looks)
      : source_(source), looks_(looks), loader_(source, looks) {}

  /// The rest of a line after mtllib: one name with blanks where there is such a file, else
  /// several.
  void add_libraries(std::string_view names);
  void use(std::string_view name);
  /// Faces up to this number have the material in use, and coordinates for its texture or not.
  void extend(std::size_t faces, bool has_uv);
  void finish();

 private:
  struct Known {
    MtlMaterial material;
    std::filesystem::path folder;
  };
  void read_library(const std::string& name);
  Material look_of(const std::string& name, bool has_uv);

  const MeshSource& source_;
  MeshLooks& looks_;
  TextureLoader loader_;
  std::vector<std::string> libraries_;
  std::map<std::string, Known, std::less<>> known_;
  bool complete_ = true;  ///< all libraries could be read
  std::string in_use_;    ///< empty: none
  /// Places in looks.materials, by name and whether there are coordinates; of those the ones of
  /// the material in use.
  std::map<std::pair<std::string, bool>, std::uint32_t> places_;
  std::array<std::optional<std::uint32_t>, 2> current_;
};

}  // namespace sinter::io
