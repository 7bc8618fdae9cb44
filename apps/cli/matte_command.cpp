#include <cstdio>

#include "commands.h"
#include "picture_options.h"

namespace sinter::cli {

void add_matte(CLI::App& app, int&) {
  struct Arguments {
    std::string image, output;
    MatteOptions options;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("matte", "cut the subject of a picture out, as generate would see it");
  command->add_option("image", arguments->image, "PNG, JPEG, WebP, BMP or TIFF")->required();
  command->add_option("-o,--output", arguments->output, "PNG to write, RGBA")->required();
  MatteOptions& options = arguments->options;
  add_picture_options(*command, options.remove_background, options.matting_model);
  add_save_matte(*command, options.save_matte);
  command->callback([arguments] {
    const bool removed = write_cut_out(arguments->image, arguments->output, arguments->options);
    std::printf("%s: %s\n",
                arguments->output.c_str(),
                removed ? "background removed" : "kept as it is, nothing removed");
  });
}

}  // namespace sinter::cli
