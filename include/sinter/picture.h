#pragma once
/// \file
/// The subject of a picture without its background. docs/pictures.md says what the methods can do.

#include <string>

namespace sinter {

/// Whether the background of a picture is removed before the model sees it.
enum class RemoveBackground {
  automatic,  ///< where the picture has no useful alpha: fewer than 1 pixel in 1000 lets through
              ///< more than half
  on,         ///< always; the matte is multiplied with the picture's own alpha
  off,        ///< never: an opaque picture is used whole, as upstream's examples do
};

/// "auto", "on", "off".
const char* to_string(RemoveBackground mode);

struct MatteOptions {
  RemoveBackground remove_background = RemoveBackground::on;
  /// ONNX file of a u2net-class network; empty: the built-in method.
  std::string matting_model = {};
  std::string save_matte = {};  ///< PNG to write the matte to, one channel; empty: none
};

/// Writes a picture's subject as an RGBA PNG, exactly as a generation would use it. Raises
/// ErrorCode::invalid_argument where nothing or everything stands out.
/// \return false where the picture was kept as it is (automatic or off)
bool write_cut_out(const std::string& image_path,
                   const std::string& png_path,
                   const MatteOptions& options = {});

}  // namespace sinter
