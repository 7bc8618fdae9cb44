#pragma once
// Which file of a model directory holds the weights.

#include <string>
#include <string_view>

namespace sinter::checkpoint {

inline constexpr std::string_view kFileSuffix = ".safetensors";

/// True where something exists at this path.
bool path_exists(const std::string& path);

/// "" or the folder of a path, with its slash.
std::string folder_of(const std::string& path);

/// A path that is not a directory is returned as it is. Inside a directory the order is that of the
/// official loader: `model.{variant}.safetensors`, then `model.safetensors`, each also as the index
/// of a sharded one; then `model.{variant}.ckpt` and `model.ckpt`. Raises ErrorCode::not_found.
std::string find_model_file(const std::string& path, std::string_view variant);

}  // namespace sinter::checkpoint
