// The walk over an ONNX file that decides how a matting network is fed: an Error or an answer.

#include "matting/onnx_info.h"

#include <cstdlib>

#include "core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sinter;
  try {
    matting::read_onnx_info({data, size}, "f");
  } catch (const Error& error) {
    if (error.message().find('\n') != std::string::npos) abort();
    if (error.code() == ErrorCode::internal) abort();
  }
  return 0;
}
