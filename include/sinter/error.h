#pragma once
/// \file
/// The one exception type that leaves sinter.

#include <exception>
#include <string>
#include <utility>

namespace sinter {

/// What went wrong, as far as a caller can act on it. The command line maps each to its exit status
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

/// Carries one line that names who failed, what was expected and what was found: "[who] what:
/// expected X, got Y (file)".
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

}  // namespace sinter
