#pragma once
// The options of every command that turns pictures into meshes.

#include <CLI/CLI.hpp>
#include <string>

#include "sinter/engine.h"

namespace sinter::cli {

struct ShapeArguments {
  std::string model;  ///< empty: the one that comes with sinter
  GenerateOptions options;
  MeshWriteOptions write;
  EngineOptions engine;
  bool quiet = false;

  /// The folder or checkpoint to open.
  std::string model_path() const;
};

/// Adds all options that `arguments` holds, which must outlive the command's parsing.
void add_shape_options(CLI::App& command, ShapeArguments& arguments);

/// The parts of these that other commands take too: --steps to --noise, --octree to --level, and
/// --device to --threads.
void add_sampling_options(CLI::App& command, GenerateOptions& options);
void add_decode_options(CLI::App& command, GenerateOptions& options);
void add_device_options(CLI::App& command, EngineOptions& engine);

}  // namespace sinter::cli
