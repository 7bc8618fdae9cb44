#pragma once

#include <string_view>

namespace sinter::checkpoint {

/// True for well-formed UTF-8: no overlong form, no surrogate, nothing past U+10FFFF
/// (Unicode 15, table 3-7).
bool is_utf8(std::string_view text);

}  // namespace sinter::checkpoint
