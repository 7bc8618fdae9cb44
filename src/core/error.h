#pragma once
// How sinter raises its one exception type, sinter::Error.
//
// Message form: "[who] what: expected X, got Y (tensor or file)". One line, no trailing full stop;
// it is printed as it is by the command line, so it must make sense to somebody who has not read
// the source.

#include <sstream>
#include <string>

#include "sinter/error.h"

namespace sinter {

/// Concatenates the arguments through operator<<; the message builder of fail() and SINTER_CHECK.
template <class... Args>
std::string cat(const Args&... args) {
  std::ostringstream out;
  (out << ... << args);
  return out.str();
}

template <class... Args>
[[noreturn]] void fail(ErrorCode code, const Args&... args) {
  throw Error(code, cat(args...));
}

/// Converts an integer and raises ErrorCode::internal where the value does not fit.
template <class To, class From>
To narrow(From value) {
  const To converted = static_cast<To>(value);
  if (static_cast<From>(converted) != value || ((converted < To{}) != (value < From{}))) {
    fail(ErrorCode::internal, "[narrow] value ", value, " does not fit the target integer type");
  }
  return converted;
}

}  // namespace sinter

/// Always on. SINTER_CHECK(x.rank() == 2, ErrorCode::invalid_argument, "[op] x: expected rank 2,
/// got ", x.rank());
#define SINTER_CHECK(condition, code, ...) \
  do {                                     \
    if (!(condition)) [[unlikely]]         \
      ::sinter::fail(code, __VA_ARGS__);   \
  } while (false)
