// The reader of BMP, which is sinter's own: whatever the bytes, an Error or a picture that is as
// large as it says.

#include <cstdlib>
#include <vector>

#include "core/error.h"
#include "io/image_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sinter;
  std::vector<std::uint8_t> file = {'B', 'M'};
  file.insert(file.end(), data, data + size);
  io::ImageLimits limits;
  limits.max_side = 512;
  limits.max_pixels = 1 << 15;
  try {
    const Image image = io::decode_image(file, "f", limits);
    const auto samples = static_cast<std::size_t>(image.width * image.height * image.channels);
    if (image.pixels.size() != samples || samples == 0) abort();
  } catch (const Error& error) {
    if (error.message().find('\n') != std::string::npos) abort();
    if (error.code() == ErrorCode::internal) abort();
  }
  return 0;
}
