#include "checkpoint/sha256.h"

#include <openssl/evp.h>

#include "core/error.h"

namespace sinter::checkpoint {

namespace {
void check(bool ok) {
  SINTER_CHECK(ok, ErrorCode::internal, "[sha256] the crypto library failed");
}
}  // namespace

void Sha256::Free::operator()(void* state) const {
  EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(state));
}

Sha256::Sha256() : state_(EVP_MD_CTX_new()) {
  check(state_ != nullptr &&
        EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(state_.get()), EVP_sha256(), nullptr) == 1);
}

void Sha256::update(std::span<const std::byte> bytes) {
  check(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(state_.get()), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  check(EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(state_.get()), digest, &size) == 1);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

}  // namespace sinter::checkpoint
