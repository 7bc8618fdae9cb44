#pragma once
// Lists of cameras from JSON: see read_cameras() in sinter/texture.h.

#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "sinter/texture.h"

namespace sinter::io {

/// Types and names are checked here, ranges by who uses the cameras. Raises "[cameras] rig.json:
/// ..." with not_found, io or corrupt.
std::vector<ViewCamera> read_cameras(const std::filesystem::path& path);
/// The same from memory; `name` stands for the file in messages.
std::vector<ViewCamera> decode_cameras(std::span<const std::uint8_t> bytes, std::string_view name);

}  // namespace sinter::io
