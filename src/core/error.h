#pragma once
// The one exception type of sinter, and the check that raises it.
//
// Message form: "[who] what: expected X, got Y (tensor or file)". One line, no trailing full stop;
// it is printed as it is by the command line, so it must make sense to somebody who has not read
// the source.

#include <cstdint>
#include <exception>
#include <sstream>
#include <string>
#include <utility>

namespace sinter {

/// What went wrong, as far as a caller can act on it. The command line maps each to its exit code
/// (see exit_code()).
enum class ErrorCode {
  invalid_argument,  ///< an option or argument is out of range or contradicts another
  not_found,         ///< a file, tensor or key does not exist
  corrupt,           ///< a file exists but does not hold what its format demands
  unsupported,       ///< well-formed, but not something sinter can do
  io,                ///< the operating system refused a read or a write
  out_of_memory,     ///< an allocation failed
  cancelled,         ///< the caller asked to stop
  device,            ///< the accelerator reported a failure
  internal,          ///< a defect in sinter
};

/// Lower-case name of the code, as used in metrics and logs.
const char* to_string(ErrorCode code);

/// Process exit status for a code: 2..10, never 0 and always below 126.
int exit_code(ErrorCode code);

class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}
  ErrorCode code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorCode code_;
  std::string message_;
};

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
