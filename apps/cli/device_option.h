#pragma once
// The option of every command that computes on a GPU where there is one.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

namespace sinter::cli {

/// --device; `what`: "where the networks run".
inline CLI::Option* add_device(CLI::App& command, std::string& device, const std::string& what) {
  return command
      .add_option("--device",
                  device,
                  what +
                      ": cpu, cuda, cuda:N (NVIDIA Hopper), or auto: the first such GPU, else "
                      "the CPU")
      ->capture_default_str();
}

inline void print_warning(const std::string& text) {
  std::fprintf(stderr, "sinter: warning: %s\n", text.c_str());
}

}  // namespace sinter::cli
