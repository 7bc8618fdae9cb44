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

/// SHA-256 of a file of up to 1 GiB, in lower-case hexadecimal. Raises ErrorCode::not_found, io, or
/// unsupported for a longer one.
std::string file_sha256(const std::string& path);

}  // namespace sinter
