// SPDX-License-Identifier: Apache-2.0
#include "listing/checksum_list.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

const std::string kMd5 = std::string(31, 'a') + "1";
const std::string kSha256 = std::string(63, 'b') + "2";
const std::string kSha512 = std::string(127, 'c') + "3";

PublishedSums read(std::string_view list, const std::string& text) {
  PublishedSums sums;
  add_checksums(list, text, sums);
  return sums;
}

TEST(ChecksumListTest, IsKnownByItsName) {
  for (const char* name : {"SHA256SUMS", "sha256sums.asc", "MD5SUMS", "sha512sum.txt", "CHECKSUM",
                           "CHECKSUM.SHA256", "a.iso.sha256", "a.iso.sha256sum", "a.tar.gz.md5"}) {
    EXPECT_TRUE(is_checksum_list(name)) << name;
  }
  for (const char* name :
       {"README", "a.iso", "a.iso.asc", "SHA256SUMS.gpg", "sha256", "sums.txt"}) {
    EXPECT_FALSE(is_checksum_list(name)) << name;
  }
  EXPECT_TRUE(lists_one_file("a.iso.sha256"));
  EXPECT_FALSE(lists_one_file("SHA256SUMS"));
}

TEST(ChecksumListTest, TellsNamesInTextAndBinaryMode) {
  const auto sums =
      read("SHA256SUMS", kSha256 + "  a b.iso\n" + kSha256 + " *c.iso\r\n" + kSha256 + "  ./d.iso");
  ASSERT_EQ(sums.size(), 3u);
  EXPECT_EQ(sums.at("a b.iso").hex, kSha256);
  EXPECT_EQ(sums.at("a b.iso").kind, DigestKind::sha256);
  EXPECT_EQ(sums.at("c.iso").list, "SHA256SUMS");
  EXPECT_TRUE(sums.contains("d.iso"));
}

TEST(ChecksumListTest, TellsTaggedLines) {
  const auto sums = read("CHECKSUM", "# a.iso: 5 bytes\nSHA256 (a (1).iso) = " + kSha256 + "\n");
  ASSERT_EQ(sums.size(), 1u);
  EXPECT_EQ(sums.at("a (1).iso").hex, kSha256);
}

TEST(ChecksumListTest, TakesWhatIsSigned) {
  const auto sums =
      read("sha256sums.asc", "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + kSha256 +
                                 "  linux-6.1.tar.xz\n-----BEGIN PGP SIGNATURE-----\n\n"
                                 "iQIzBAEBCAAdFiEEuIj9jdgl9bqPPRvpJTKzI8uKy2wFAmdQ\n=abcd\n"
                                 "-----END PGP SIGNATURE-----\n");
  ASSERT_EQ(sums.size(), 1u);
  EXPECT_EQ(sums.begin()->first, "linux-6.1.tar.xz");
}

TEST(ChecksumListTest, TheStrongestStays) {
  PublishedSums sums;
  add_checksums("MD5SUMS", kMd5 + "  a\n", sums);
  add_checksums("SHA512SUMS", kSha512 + "  a\n", sums);
  add_checksums("SHA256SUMS", kSha256 + "  a\n", sums);
  EXPECT_EQ(sums.at("a").kind, DigestKind::sha512);
}

TEST(ChecksumListTest, AListOfOneFileNeedsNoName) {
  const auto sums = read("a.iso.SHA256", kSha256 + "\n");
  ASSERT_EQ(sums.size(), 1u);
  EXPECT_EQ(sums.begin()->first, "a.iso");
}

TEST(ChecksumListTest, WhatIsNotBesideItIsSkipped) {
  EXPECT_TRUE(read("SHA256SUMS", kSha256 + "  netboot/vmlinuz\n" + kSha256 + "  ../x\n").empty());
}

TEST(ChecksumListTest, WhatIsNoneIsSkipped) {
  EXPECT_TRUE(read("SHA256SUMS", std::string("\0\n\n()\n = \n (\n", 13) + kSha256.substr(1) +
                                     "  a\n" + std::string(64, 'g') + "  a\n" + kSha256 + " a\n")
                  .empty());
}

}  // namespace
}  // namespace lazymirror
