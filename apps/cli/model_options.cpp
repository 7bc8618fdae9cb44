#include "model_options.h"

namespace sinter::cli {

void add_model_options(CLI::App& command, std::string& variant, std::string& config) {
  command
      .add_option("--variant",
                  variant,
                  "which file of a folder: fp16 is model.fp16.*, none is model.*; auto takes the "
                  "first of these that is there")
      ->capture_default_str()
      ->group("Model");
  command
      .add_option("--config", config, "configuration in place of config.yaml beside the weights")
      ->group("Model");
  // always true: nothing in sinter opens a connection
  command
      .add_flag_callback(
          "--offline", [] {}, "never use the network; sinter never does")
      ->group("Model");
}

}  // namespace sinter::cli
