#include "checkpoint/utf8.h"

#include <cstddef>

namespace sinter::checkpoint {

bool is_utf8(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char lead = at(i);
    // the bounds of the second byte exclude overlong forms, surrogates and the space past the end
    const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    std::size_t more = 0;
    if (lead >= 0xc2 && lead <= 0xdf) more = 1;
    if (lead >= 0xe0 && lead <= 0xef) more = 2;
    if (lead >= 0xf0 && lead <= 0xf4) more = 3;
    if (more == 0 && lead >= 0x80) return false;
    if (text.size() - i <= more) return false;
    if (more > 0 && (at(i + 1) < low || at(i + 1) > high)) return false;
    for (std::size_t k = 2; k <= more; ++k) {
      if (at(i + k) < 0x80 || at(i + k) > 0xbf) return false;
    }
    i += 1 + more;
  }
  return true;
}

}  // namespace sinter::checkpoint
