#pragma once
/// \file
/// Writing files so that nothing is lost: a temporary file beside the target, renamed when it is
/// complete.

#include <string>
#include <string_view>

namespace sinter {

/// Replaces `path` in one step. On any failure the old file, if there was one, is untouched and no
/// temporary stays behind. Raises ErrorCode::io.
void write_file(const std::string& path, std::string_view contents);

/// Raises the error that write_file() would raise, before the work that fills the file. Creates
/// nothing that stays.
void check_writable(const std::string& path);

}  // namespace sinter
