#pragma once
// The options of every command that takes a model.

#include <CLI/CLI.hpp>
#include <string>

namespace sinter::cli {

/// What a command's help says of a model.
inline constexpr const char* kModelHelp =
    "folder in the official layout, checkpoint file (.safetensors, .ckpt, .bin, .pt, .pth, "
    ".index.json), or the name of a downloaded Hugging Face repository: "
    "ORGANISATION/NAME[/FOLDER][@REVISION]";

/// Adds --variant, --config and --offline.
void add_model_options(CLI::App& command, std::string& variant, std::string& config);

}  // namespace sinter::cli
