#pragma once
// What an ONNX file says about its input and output, read without the library that runs it.
//
// Source: onnx.proto (ONNX IR version 3 to 10), protocol buffers' wire format.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sinter::matting {

struct OnnxInfo {
  std::int64_t height = 0, width = 0;  ///< of the first input, [1, 3, height, width]; 0: left open
  std::string first_output;            ///< its name
  bool ends_in_sigmoid = false;        ///< the first output comes from a Sigmoid
};

/// `name` stands for the file in messages. Raises "[matte] NAME: ..." with corrupt (not an ONNX
/// network) or unsupported (its first input is not a picture of three channels).
OnnxInfo read_onnx_info(std::span<const std::uint8_t> bytes, std::string_view name);

}  // namespace sinter::matting
