// SHA-256 against the example vectors of FIPS 180-4 (NIST, "SHA256.pdf" and the long-message test).

#include "checkpoint/sha256.h"

#include "checkpoint/support.h"

namespace sinter::checkpoint {
namespace {

std::string hash(std::string_view text) {
  Sha256 sha;
  sha.update(bytes_of(text));
  return sha.finish();
}

TEST(Sha256, MatchesTheStandardsVectors) {
  EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, AcceptsPieces) {
  Sha256 sha;
  const std::string piece(1000, 'a');
  for (int i = 0; i < 1000; ++i) sha.update(bytes_of(piece));
  EXPECT_EQ(sha.finish(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace
}  // namespace sinter::checkpoint
