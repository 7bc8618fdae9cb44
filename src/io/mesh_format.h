#pragma once
// Names of mesh formats, for the reader and the writer of files.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "io/mesh_file.h"

namespace sinter::io {

/// The format of that lower-case extension.
std::optional<MeshFormat> mesh_format_named(std::string_view name);

/// Extension without its dot, in lower case.
std::string extension_of(const std::filesystem::path& path);

/// Whether an archive's entry of that name is a USD layer: .usd, .usda, .usdc.
bool is_usd_layer(std::string_view name);

}  // namespace sinter::io
