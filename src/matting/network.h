#pragma once
// A matte by a u2net-class network in ONNX form.
//
// Source: rembg (danielgatis), rembg/sessions/{base,u2net,dis_general_use,birefnet_general}.py. The
// picture is resized with Pillow's Lanczos, divided by its largest level, normalised; the network's
// first output is scaled to 0..1 by its own least and largest value, made 8 bits by truncation, and
// resized back with Pillow's Lanczos.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "core/image.h"

namespace sinter::matting {

/// How a class of networks wants its input. Told from the file: 1024 pixels a side and a Sigmoid at
/// the end is IS-Net (isnet-general-use, isnet-anime), 1024 without one is BiRefNet, everything
/// else is U2-Net (u2net, u2netp, u2net_human_seg, silueta), whose side is 320 where the file
/// leaves it open.
struct NetworkForm {
  int height = 320, width = 320;
  double mean[3] = {0.485, 0.456, 0.406};
  double deviation[3] = {0.229, 0.224, 0.225};
  bool apply_sigmoid = false;
};

NetworkForm network_form(std::span<const std::uint8_t> onnx, std::string_view name);

/// What the network is given: [3, height, width].
std::vector<float> network_input(const Image& image, const NetworkForm& form);

/// The matte from the network's first output, `height` x `width`.
Image matte_from_output(std::span<const float> output,
                        int height,
                        int width,
                        const NetworkForm& form,
                        int result_width,
                        int result_height);

/// One channel, the picture's size; alpha is not looked at. Raises "[matte] FILE: ..." naming the
/// network's file where that is missing, no ONNX network, or beyond OpenCV's dnn module.
Image network_matte(const Image& image, const std::filesystem::path& onnx);

}  // namespace sinter::matting
