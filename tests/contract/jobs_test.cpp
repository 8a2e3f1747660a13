// SPDX-License-Identifier: Apache-2.0
//
// Commands that work on parts of a shown tree: fetch, pin, evict, refresh,
// verify, offline. What they leave is read back and compared with the truth.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/unique_fd.h"
#include "contract/contract_test.h"

namespace lazymirror::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kSize = 200'000, kLarge = 3'000'001;
constexpr std::uint64_t kFile = 1u << 20;  // too large to be fetched ahead

class Jobs : public OracleContractTest {
 protected:
  void put_tree() {
    origin().put("/t/a", {.size = kSize});
    origin().put("/t/b c/d", {.size = kLarge});
    origin().put("/t/b c/empty", {.size = 0});
    origin().put("/t/b c/e/f", {.size = 10});
  }
  void expect_tree() {
    EXPECT_TRUE(reads_as("/t/a", 1, kSize));
    EXPECT_TRUE(reads_as("/t/b c/d", 1, kLarge));
    EXPECT_TRUE(reads_as("/t/b c/empty", 1, 0));
    EXPECT_TRUE(reads_as("/t/b c/e/f", 1, 10));
  }
  // Past the pages that the kernel keeps of what a mount has given it.
  ::testing::AssertionResult reads_from_cache(const std::string& path, std::uint64_t size) {
    const auto file = tree().open(path);
    if (!file) return ::testing::AssertionFailure() << path << ": " << std::strerror(file.error());
    (*file)->drop_pages();
    return reads_as(path, 1, size);
  }
  std::size_t fetched(const std::string& path) { return oracle().count(path, "GET"); }

  // On the disk.
  void flip(const std::string& path, off_t offset) {
    tree().with_data_file(path, [&](const std::string& file) {
      const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
      ASSERT_TRUE(fd.valid()) << file << ": " << std::strerror(errno);
      char byte = 0;
      ASSERT_EQ(::pread(fd.get(), &byte, 1, offset), 1);
      byte = static_cast<char>(byte ^ 1);
      ASSERT_EQ(::pwrite(fd.get(), &byte, 1, offset), 1);
    });
  }
};
INSTANTIATE_TEST_SUITE_P(All, Jobs, ::testing::ValuesIn(over_oracle()), param_name);

// --- fetch ---

TEST_P(Jobs, FetchMakesATreeCompleteAndReadsAskForNothing) {
  put_tree();
  const Told told = tree().run({"fetch", "-r", "/t"});
  ASSERT_EQ(told.status, 0) << told.error;
  EXPECT_EQ(told.files_done, 4u);
  const std::size_t asked = origin().count_all();
  expect_tree();
  EXPECT_EQ(origin().count_all(), asked);
}

// A file stalls in its middle, until the command is interrupted.
TEST_P(Jobs, AFetchThatWasInterruptedGoesOnWhereItWas) {
  constexpr std::uint64_t kFiles = 20, kBig = 40u << 20;
  for (std::uint64_t i = 0; i < kFiles; ++i) {
    origin().put("/t/f" + std::to_string(i), {.size = kSize});
  }
  origin().put("/t/z", {.size = kBig});
  oracle().inject("/t/z", {.fault = Fault::stall_in_body, .value = 1u << 20, .method = "GET"});
  const auto command = tree().begin({"fetch", "-r", "/t"});
  EXPECT_TRUE(eventually([&] { return command->files_done() == kFiles; }));
  command->interrupt();
  EXPECT_EQ(command->wait().status, 128 + SIGINT);
  oracle().unstall();
  const Told again = tree().run({"fetch", "-r", "/t"});
  EXPECT_EQ(again.status, 0) << again.error;
  EXPECT_EQ(again.files_done, kFiles + 1);
  for (std::uint64_t i = 0; i < kFiles; ++i) {
    EXPECT_EQ(oracle().body_bytes("/t/f" + std::to_string(i)), kSize) << "once";
  }
  EXPECT_LT(oracle().body_bytes("/t/z"), 2 * kBig) << "not all of it again";
  EXPECT_TRUE(reads_as("/t/z", 1, kBig));
}

TEST_P(Jobs, WhatFailsIsNamedAndTheRestIsFetched) {
  put_tree();
  oracle().inject("/t/a", {.fault = Fault::status, .value = 403, .times = 0, .method = "GET"});
  const Told told = tree().run({"fetch", "-r", "/t"});
  EXPECT_EQ(told.status, 1);
  EXPECT_THAT(told.findings, ElementsAre("failed t/a"));
  const std::size_t asked = origin().count_all();
  EXPECT_TRUE(reads_as("/t/b c/d", 1, kLarge));
  EXPECT_EQ(origin().count_all(), asked);
}

TEST_P(Jobs, WhatCannotFitIsRefusedBeforeAByteIsFetched) {
  settings().cache_size = 2 * kFile;
  origin().put("/t/large", {.size = 3 * kFile});
  const Told told = tree().run({"fetch", "-r", "/t"});
  EXPECT_EQ(told.status, 1);
  EXPECT_THAT(told.error, HasSubstr("it does not fit: 3.0 MiB are missing"));
  EXPECT_EQ(fetched("/t/large"), 0u);
}

// --- pin, evict ---

TEST_P(Jobs, WhatIsPinnedStaysWhileMoreIsReadThanFits) {
  settings().cache_size = 5 * kFile + kFile / 2;
  for (const char* path : {"/kept/a", "/kept/b/c"}) origin().put(path, {.size = kFile});
  for (int i = 0; i < 10; ++i) origin().put("/t/" + std::to_string(i), {.size = kFile});
  const auto read_others = [&] {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(reads_as("/t/" + std::to_string(i), 1, kFile)) << i;
  };
  const Told pinned = tree().run({"pin", "/kept"});
  ASSERT_EQ(pinned.status, 0) << pinned.error;
  EXPECT_EQ(pinned.files_done, 2u);
  const std::size_t got = fetched("/kept/a") + fetched("/kept/b/c");
  read_others();
  EXPECT_TRUE(reads_from_cache("/kept/a", kFile));
  EXPECT_TRUE(reads_from_cache("/kept/b/c", kFile));
  EXPECT_EQ(fetched("/kept/a") + fetched("/kept/b/c"), got);
  EXPECT_EQ(tree().run({"evict", "/kept/a"}).status, 1) << "nor can it be given back by hand";

  ASSERT_EQ(tree().run({"unpin", "/kept"}).status, 0);
  EXPECT_EQ(tree().run({"unpin", "/kept"}).status, 1);
  // How soon something is given up for the sake of others differs.
  EXPECT_TRUE(eventually([&] { return tree().run({"evict", "-r", "/kept"}).status == 0; }));
  EXPECT_TRUE(reads_from_cache("/kept/a", kFile));
  EXPECT_TRUE(reads_from_cache("/kept/b/c", kFile));
  EXPECT_GT(fetched("/kept/a") + fetched("/kept/b/c"), got);
}

TEST_P(Jobs, WhatWasEvictedIsFetchedAgainAndRight) {
  put_tree();
  ASSERT_EQ(tree().run({"fetch", "-r", "/t"}).status, 0);
  const std::size_t first = fetched("/t/a"), second = fetched("/t/b c/d");
  // Until the transfer has ended that brought it, a file is being filled.
  ASSERT_TRUE(eventually([&] { return tree().run({"evict", "/t/a"}).status == 0; }));
  EXPECT_TRUE(reads_from_cache("/t/a", kSize));
  EXPECT_GT(fetched("/t/a"), first);
  EXPECT_EQ(fetched("/t/b c/d"), second);
  ASSERT_TRUE(eventually([&] { return tree().run({"evict", "-r", "/t"}).status == 0; }));
  EXPECT_TRUE(reads_from_cache("/t/b c/d", kLarge));
  EXPECT_GT(fetched("/t/b c/d"), second);
  expect_tree();
}

// --- refresh ---

TEST_P(Jobs, RefreshShowsNewNamesAndNewVersionsAtOnce) {
  put_tree();
  ASSERT_TRUE(tree().list("/t"));
  ASSERT_TRUE(tree().list("/t/b c"));
  ASSERT_TRUE(reads_as("/t/a", 1, kSize));
  origin().put("/t/b c/new", {.size = 77});
  origin().touch_version("/t/a");
  const Told told = tree().run({"refresh", "-r", "/t"});
  ASSERT_EQ(told.status, 0) << told.error;
  const auto found = tree().stat("/t/b c/new");
  ASSERT_TRUE(found) << std::strerror(found.error());
  EXPECT_EQ(found->size, 77u);
  EXPECT_TRUE(reads_as("/t/b c/new", 1, 77));
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(reads_as("/t/a", 2, kSize)); }));
}

// --- verify ---

TEST_P(Jobs, VerifyFindsAFlippedByteAndItIsMended) {
  put_tree();
  ASSERT_EQ(tree().run({"fetch", "-r", "/t"}).status, 0);
  const Told right = tree().run({"verify", "-r", "/"});
  EXPECT_EQ(right.status, 0) << right.error;
  EXPECT_THAT(right.findings, IsEmpty());
  ASSERT_NO_FATAL_FAILURE(flip("/t/b c/d", 1'000'000));
  const Told wrong = tree().run({"verify", "-r", "/t"});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.findings, ElementsAre("damaged t/b c/d"));
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(reads_from_cache("/t/b c/d", kLarge)); }));
  const Told again = tree().run({"verify", "-r", "/t"});
  EXPECT_EQ(again.status, 0) << again.error;
}

TEST_P(Jobs, VerifyFindsAnotherVersion) {
  put_tree();
  ASSERT_EQ(tree().run({"fetch", "-r", "/t"}).status, 0);
  origin().touch_version("/t/a");
  const Told told = tree().run({"verify", "/t/a"});
  EXPECT_EQ(told.status, 1);
  EXPECT_THAT(told.findings, ElementsAre("changed t/a"));
  EXPECT_TRUE(eventually([&] { return static_cast<bool>(reads_as("/t/a", 2, kSize)); }));
}

// --- offline ---

TEST_P(Jobs, OfflineOnlyWhatIsMissingFailsAndAtOnce) {
  put_tree();
  ASSERT_EQ(tree().run({"fetch", "/t"}).status, 0);
  ASSERT_TRUE(tree().list("/t/b c"));
  ASSERT_TRUE(tree().list("/t/b c/e"));
  ASSERT_EQ(tree().run({"offline", "/"}).status, 0);
  EXPECT_EQ(tree().run({"fetch", "/t/a"}).status, 0);
  const std::size_t asked = origin().count_all();
  const Told told = tree().run({"fetch", "-r", "/t"});
  EXPECT_EQ(told.status, 1);
  EXPECT_THAT(told.error, HasSubstr("offline (lazymirror online ends that)"));
  EXPECT_EQ(tree().run({"refresh", "/t"}).status, 1);
  EXPECT_EQ(tree().run({"verify", "-r", "/t"}).status, 0) << "of what is here";
  EXPECT_EQ(origin().count_all(), asked);
  EXPECT_TRUE(reads_as("/t/a", 1, kSize));
  ASSERT_EQ(tree().run({"online", "/"}).status, 0);
  const Told again = tree().run({"fetch", "-r", "/t"});
  EXPECT_EQ(again.status, 0) << again.error;
  expect_tree();
}

}  // namespace
}  // namespace lazymirror::testing
