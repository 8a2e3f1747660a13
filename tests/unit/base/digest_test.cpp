// SPDX-License-Identifier: Apache-2.0
#include "base/digest.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

std::string digest(DigestKind kind, std::string_view text) {
  Digest sum(kind);
  sum.add(std::as_bytes(std::span(text.substr(0, 1))));
  sum.add(std::as_bytes(std::span(text.substr(1))));
  return sum.hex();
}

// FIPS 180-4 and RFC 1321.
TEST(DigestTest, KnowsTheMethods) {
  EXPECT_EQ(digest(DigestKind::md5, "abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(digest(DigestKind::sha1, "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(digest(DigestKind::sha256, "abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest(DigestKind::sha512, "abc").substr(0, 32), "ddaf35a193617abacc417349ae204131");
}

TEST(DigestTest, IsToldByItsLength) {
  for (const DigestKind kind :
       {DigestKind::md5, DigestKind::sha1, DigestKind::sha256, DigestKind::sha512}) {
    EXPECT_EQ(digest_of_length(digest(kind, "abc").size()), kind) << digest_name(kind);
  }
  EXPECT_FALSE(digest_of_length(96));
}

}  // namespace
}  // namespace lazymirror
