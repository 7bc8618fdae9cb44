#pragma once
// SHA-256 (FIPS 180-4), through libcrypto.

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace sinter::checkpoint {

class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> bytes);
  /// The digest in lower-case hexadecimal. The object cannot be used any further.
  std::string finish();

 private:
  struct Free {
    void operator()(void* state) const;
  };
  std::unique_ptr<void, Free> state_;
};

}  // namespace sinter::checkpoint
