#pragma once
// The options that say what becomes of a picture's background.

#include <CLI/CLI.hpp>
#include <string>

#include "choice_option.h"
#include "sinter/picture.h"

namespace sinter::cli {

/// The references must outlive the command's parsing; their values are the defaults.
inline void add_picture_options(CLI::App& command,
                                RemoveBackground& mode,
                                std::string& matting_model) {
  add_choice<RemoveBackground>(command,
                               "--remove-background",
                               mode,
                               {{"auto", RemoveBackground::automatic},
                                {"on", RemoveBackground::on},
                                {"off", RemoveBackground::off}},
                               "auto: where the picture has no useful alpha; on; off: use it whole")
      ->group("Picture");
  command
      .add_option("--matting-model",
                  matting_model,
                  "ONNX network that finds the subject (u2net, isnet, ...); default: built in")
      ->envname("SINTER_MATTING_MODEL")
      ->group("Picture");
}

/// For commands that look at one object: the path would be the same for each.
inline void add_save_matte(CLI::App& command, std::string& path) {
  command.add_option("--save-matte", path, "write the subject's opacity to this PNG")
      ->group("Picture");
}

}  // namespace sinter::cli
