#pragma once
// One function a command: it adds the command to the program and sets what running it does. A
// command returns its exit status through the int it is given; errors are raised as sinter::Error
// and printed in main.

#include <CLI/CLI.hpp>

namespace sinter::cli {

void add_generate(CLI::App& app, int& status);
void add_batch(CLI::App& app, int& status);
void add_bench(CLI::App& app, int& status);
void add_cache_fit(CLI::App& app, int& status);
void add_cache_plan(CLI::App& app, int& status);
void add_inspect(CLI::App& app, int& status);
void add_convert(CLI::App& app, int& status);
void add_compare(CLI::App& app, int& status);
void add_matte(CLI::App& app, int& status);
void add_mesh_check(CLI::App& app, int& status);
void add_mesh_convert(CLI::App& app, int& status);
void add_render(CLI::App& app, int& status);
void add_maps(CLI::App& app, int& status);
void add_unwrap(CLI::App& app, int& status);
void add_bake(CLI::App& app, int& status);
void add_doctor(CLI::App& app, int& status);

/// Exit status of a command that ran well and found its subject wanting: an unsound mesh, an
/// incomplete model.
inline constexpr int kFindings = 1;

}  // namespace sinter::cli
