// Material files beside OBJ.

#include "io/mtl.h"

#include <cmath>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& [name, material] : sinter::io::parse_mtl(text)) {
    if (material.picture.find('\n') != std::string::npos) abort();
    for (const float c : material.look.colour) {
      if (!(c >= 0 && c <= 1)) abort();
    }
    for (const double m : material.look.place) {
      if (!std::isfinite(m)) abort();
    }
  }
  return 0;
}
