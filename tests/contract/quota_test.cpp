// SPDX-License-Identifier: Apache-2.0
//
// A cache that is smaller than what is read: bytes stay right, the disk holds no
// more than it may, and what goes is what nobody will miss first.
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "contract/contract_test.h"

namespace lazymirror::testing {
namespace {

namespace fs = std::filesystem;

// Too large to be fetched ahead of its first use.
constexpr std::uint64_t kFile = 1u << 20;

class Quota : public OracleContractTest {
 protected:
  void put(int files) {
    for (int i = 0; i < files; ++i) origin().put(path_of(i), {.size = kFile});
  }
  static std::string path_of(int i) { return "/d/f" + std::to_string(i); }
  ::testing::AssertionResult reads(int i) { return reads_as(path_of(i), 1, kFile); }
  // Requests for its bytes; some servers are asked for its size by HEAD.
  std::size_t fetched(int i) { return oracle().count(path_of(i), "GET"); }

  // What the files of the cache take of its disk.
  std::uint64_t disk_bytes() {
    if (front_end().in_place)
      return used_of_file_system() - std::min(before_, used_of_file_system());
    std::uint64_t bytes = 0;
    for (const auto& entry : fs::recursive_directory_iterator(settings().cache + "/data")) {
      struct stat st {};
      if (::lstat(entry.path().c_str(), &st) != 0 || !S_ISREG(st.st_mode)) continue;
      bytes += static_cast<std::uint64_t>(st.st_blocks) * 512;
    }
    return bytes;
  }
  // Of one that the cache has for itself. It tells late what was given back.
  std::uint64_t used_of_file_system() {
    ::sync();
    struct statvfs st {};
    if (::statvfs(tree().directory().c_str(), &st) != 0) return 0;
    return std::uint64_t{st.f_blocks - st.f_bfree} * st.f_frsize;
  }
  void begin(std::uint64_t cache_size) {
    settings().cache_size = cache_size;
    ASSERT_TRUE(tree().list("/d"));
    if (front_end().in_place) before_ = used_of_file_system();
  }

  std::uint64_t before_ = 0;
};
INSTANTIATE_TEST_SUITE_P(All, Quota, ::testing::ValuesIn(over_oracle()), param_name);

TEST_P(Quota, HoldsWhileMoreIsReadThanFits) {
  constexpr int kFiles = 12;
  put(kFiles);
  begin(4 * kFile);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < kFiles; ++i) ASSERT_TRUE(reads(i)) << "round " << round << ", file " << i;
  }
  // The kernel keeps pages of what a mount has given it.
  const bool keeps_pages = !front_end().in_place && front_end().name != "Engine";
  if (!keeps_pages) {
    EXPECT_GT(fetched(0), 1u) << "it had to go in between";
  }
  // The file system itself needs something, too.
  const std::uint64_t allowed = 4 * kFile + (front_end().in_place ? 4 * kFile : 0);
  EXPECT_TRUE(eventually([&] { return disk_bytes() <= allowed; })) << disk_bytes();
}

TEST_P(Quota, WhatWasReadFirstGoesFirst) {
  put(4);
  begin(3 * kFile + kFile / 2);
  for (const int i : {2, 0, 3, 1}) ASSERT_TRUE(reads(i));
  const std::size_t third = fetched(3), last = fetched(1), first = fetched(2);
  ASSERT_TRUE(reads(3));
  ASSERT_TRUE(reads(1));
  EXPECT_EQ(fetched(3), third);
  EXPECT_EQ(fetched(1), last);
  const auto file = tree().open(path_of(2));
  ASSERT_TRUE(file);
  (*file)->drop_pages();  // that the kernel keeps of what was read
  ASSERT_TRUE(reads(2));
  EXPECT_GT(fetched(2), first);
}

TEST_P(Quota, AnOpenFileKeepsItsBytes) {
  put(6);
  begin(3 * kFile + kFile / 2);
  ASSERT_TRUE(reads(0));
  const auto file = tree().open(path_of(0));
  ASSERT_TRUE(file);
  const std::size_t before = fetched(0);
  for (const int i : {1, 2, 3, 4, 5}) ASSERT_TRUE(reads(i));
  (*file)->drop_pages();
  const auto bytes = read(**file, 0, kFile);
  ASSERT_TRUE(bytes);
  EXPECT_TRUE(bytes_are(path_of(0), 1, 0, *bytes));
  if (front_end().tells_opens) {
    EXPECT_EQ(fetched(0), before);
  }
}

TEST_P(Quota, WhatDoesNotFitIsHandedOnOrRefused) {
  origin().put("/d/large", {.size = 8 * kFile});
  put(2);
  begin(3 * kFile);
  const auto bytes = read("/d/large");
  const bool can_hand_on = !front_end().in_place && front_end().name != "Engine";
  if (can_hand_on) {
    ASSERT_TRUE(bytes);
    EXPECT_TRUE(bytes_are("/d/large", 1, 0, *bytes));
    EXPECT_EQ(bytes->size(), 8 * kFile);
  } else {
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error(), ENOSPC);
  }
  // It is closed now, so that there is room again.
  EXPECT_TRUE(eventually([&] { return reads(0) && reads(1); }));
}

}  // namespace
}  // namespace lazymirror::testing
