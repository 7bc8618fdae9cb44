#pragma once
// Which file of a model directory holds the weights.

#include <optional>
#include <string>
#include <string_view>

namespace sinter::checkpoint {

inline constexpr std::string_view kFileSuffix = ".safetensors";

/// True where something exists at this path.
bool path_exists(const std::string& path);

/// True for the names of checkpoints and indices of checkpoints in the official layout, model*.
bool is_model_file_name(std::string_view name);

/// "" or the folder of a path, with its slash.
std::string folder_of(const std::string& path);

/// Which file of a model directory is wanted: "fp16" is model.fp16.*, "" is model.*, and nothing is
/// the first of these two that is there.
using Variant = std::optional<std::string>;

/// What users write: "auto" is nothing, "none" is "", anything else is itself. Raises
/// ErrorCode::invalid_argument for what is no plain word.
Variant parse_variant(const std::string& text);

/// A path that is not a directory is returned as it is. Inside a directory the order is that of the
/// official loader: `model.{variant}.safetensors`, then `model.safetensors`, each also as the index
/// of a sharded one; then the same as `.ckpt`, then as `.bin`. Raises ErrorCode::not_found, naming
/// the model files that are there.
std::string find_model_file(const std::string& path, const Variant& variant);

}  // namespace sinter::checkpoint
