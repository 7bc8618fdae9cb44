#include "sinter/picture.h"

#include "core/error.h"
#include "io/image_file.h"
#include "matting/cut_out.h"

namespace sinter {

const char* to_string(RemoveBackground mode) {
  switch (mode) {
    case RemoveBackground::on:
      return "on";
    case RemoveBackground::off:
      return "off";
    default:
      return "auto";
  }
}

bool write_cut_out(const std::string& image_path,
                   const std::string& png_path,
                   const MatteOptions& options) {
  io::check_writable(png_path);
  if (!options.save_matte.empty()) io::check_writable(options.save_matte);
  matting::CutOut result =
      matting::cut_out(io::read_image(image_path),
                       {.mode = options.remove_background, .model = options.matting_model},
                       io::printable(image_path));
  if (!options.save_matte.empty()) io::write_png(options.save_matte, matting::matte_of(result));
  io::write_png(png_path, matting::with_alpha(std::move(result.picture)));
  return result.matte.has_value();
}

}  // namespace sinter
