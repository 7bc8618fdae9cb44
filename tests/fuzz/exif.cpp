// The EXIF reader: whatever the bytes, an orientation.

#include "io/exif.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int orientation = sinter::io::exif_orientation({data, size});
  if (orientation < 1 || orientation > 8) abort();
  return 0;
}
