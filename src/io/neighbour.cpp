#include "io/neighbour.h"

#include <string>

namespace sinter::io {

std::filesystem::path neighbour_path(const MeshSource& source,
                                     const std::filesystem::path& folder,
                                     std::string_view name,
                                     std::string_view what) {
  const std::filesystem::path path(name);
  const std::string shown = printable(path);
  if (folder.empty()) {
    source.refuse(ErrorCode::unsupported, "its ", what, " lies in another file, \"", shown, "\"");
  }
  bool below = path.has_filename() && path.filename() != "." && path.is_relative() &&
               name.find_first_of(std::string_view("\\\0:", 3)) == std::string_view::npos;
  for (const std::filesystem::path& part : path) below = below && part != "..";
  if (!below) {
    source.refuse(
        ErrorCode::unsupported, "its ", what, " lies outside its folder, in \"", shown, "\"");
  }
  return folder / path;
}

}  // namespace sinter::io
