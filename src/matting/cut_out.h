#pragma once
// The picture that the model is given: with its own alpha, or with one found for it.
//
// Source of the cut-out: rembg (danielgatis), rembg/bg.py, as Hunyuan3D-2's hy3dgen/rembg.py calls
// it with a transparent white background, which squares the alpha of soft edges.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/image.h"
#include "sinter/picture.h"

namespace sinter::matting {

struct CutOutOptions {
  RemoveBackground mode = RemoveBackground::automatic;
  std::string model = {};  ///< ONNX file; empty: the built-in method
  /// Called between the parts; throws to stop. A network runs in one piece.
  std::function<void()> poll = {};
};

struct CutOut {
  Image picture;               ///< RGBA where a background was removed, else as it came
  std::optional<Image> matte;  ///< one channel, where a background was removed
};

/// At least one pixel in 1000 has an alpha below 128. Less is a stray pixel or rounded corners.
bool has_useful_alpha(const Image& image);

/// The subject over transparent white. With a = matte / 255 and colour c: rgb = c a^2 + 255 (1 -
/// a), alpha = a^2 times the picture's own; 8 bits with a rounding at each of the two steps, as
/// upstream.
/// `poll`, where set, is called between rows and throws to stop.
Image apply_matte(const Image& image, const Image& matte, const std::function<void()>& poll = {});

/// The opacity that the model is given, one channel: the matte found, or the picture's own alpha,
/// 255 without one.
Image matte_of(const CutOut& cut_out);

/// RGBA, opaque where the picture has no alpha.
Image with_alpha(Image image);

/// `name` stands for the picture in messages. Raises invalid_argument where less than 0.2 % or more
/// than 99.5 % of the picture would be subject: either would become a mesh of nothing or a slab.
CutOut cut_out(Image image, const CutOutOptions& options, std::string_view name);

}  // namespace sinter::matting
