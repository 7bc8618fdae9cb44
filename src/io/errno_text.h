#pragma once
// What errno means for a person and for a caller; shared by the reading and the writing side.

#include <string>

#include "core/error.h"

namespace sinter::io {

/// The error code of a failed system call.
ErrorCode code_of_errno(int error);
/// "No space left on device"
std::string text_of_errno(int error);

}  // namespace sinter::io
