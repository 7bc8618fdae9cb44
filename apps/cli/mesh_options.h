#pragma once
// The options of every command that writes a mesh.

#include <CLI/CLI.hpp>

#include "sinter/mesh.h"

namespace sinter::cli {

/// --format, --size-mm, --up, --forward.
void add_write_options(CLI::App& command, MeshWriteOptions& options);

/// An option whose value is an axis: x, -x, ... `only_up` leaves y and z.
CLI::Option* add_axis(CLI::App& command,
                      const std::string& name,
                      std::optional<Axis>& axis,
                      bool only_up,
                      const std::string& help);

}  // namespace sinter::cli
