#include "io/errno_text.h"

#include <cerrno>
#include <system_error>

namespace sinter::io {

ErrorCode code_of_errno(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::not_found;
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return ErrorCode::invalid_argument;
    case ENOMEM:
      return ErrorCode::out_of_memory;
    default:
      return ErrorCode::io;
  }
}

std::string text_of_errno(int error) {
  return std::generic_category().message(error);
}

}  // namespace sinter::io
