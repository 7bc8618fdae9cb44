// Lists of cameras: any bytes give cameras or an Error.

#include "io/camera_file.h"

#include "core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    sinter::io::decode_cameras({data, size}, "fuzz.json");
  } catch (const sinter::Error&) {
  }
  return 0;
}
