// SPDX-License-Identifier: Apache-2.0
//
// Fetching and pinning parts of the tree.
#include "full_cache.h"
#include "jobs_fixture.h"

namespace lazymirror::testing {
namespace {

// --- fetch ---

TEST_F(JobsTest, FetchMakesATreeComplete) {
  make_tree();
  start();
  ASSERT_TRUE(run(JobKind::fetch));
  const auto end = watcher->last();
  EXPECT_EQ(end.files, 4u);
  EXPECT_EQ(end.files_done, 4u);
  EXPECT_EQ(end.bytes, 2 * kSize + 5 * kMiB);
  EXPECT_EQ(end.bytes_done, end.bytes);
  EXPECT_EQ(end.directories, 3u);
  EXPECT_EQ(end.failed + end.found, 0u);
  const auto asked = web->requests().size();
  EXPECT_TRUE(is_complete("a"));
  EXPECT_TRUE(is_complete("d/b"));
  EXPECT_TRUE(is_complete("d/e/c", 5 * kMiB));
  EXPECT_EQ(web->requests().size(), asked) << "nothing more is asked for";
  EXPECT_EQ(web->count("LIST"), 3u);
}

TEST_F(JobsTest, FetchingAgainFetchesNothing) {
  make_tree();
  start();
  ASSERT_TRUE(run(JobKind::fetch));
  const auto asked = web->requests().size();
  ASSERT_TRUE(run(JobKind::fetch));
  EXPECT_EQ(web->requests().size(), asked);
  EXPECT_EQ(watcher->last().files_done, 4u);
  EXPECT_EQ(watcher->last().bytes_present, 2 * kSize + 5 * kMiB);
}

TEST_F(JobsTest, WhatIsHereOfAFileIsNotFetchedAgain) {
  web->put("/big", {40 * kMiB});
  start();
  const auto file = open("big");
  ASSERT_TRUE(fill(file, {0, 8 * kMiB}));
  const auto before = web->requests().size();
  web->hold();
  begin(JobKind::fetch);
  ASSERT_TRUE(watcher->wait_for_looks(3));
  EXPECT_GE(watcher->last().bytes_present, 8 * kMiB);
  EXPECT_EQ(watcher->last().per_second, 0u) << "what was here was not fetched";
  web->release();
  ASSERT_TRUE(watcher->wait_for_end());
  EXPECT_TRUE(file->is_complete());
  EXPECT_GE(watcher->last().bytes_present, 8 * kMiB);
  const auto requests = web->requests();
  for (std::size_t i = before; i < requests.size(); ++i) {
    EXPECT_FALSE(requests[i].starts_with("GET /big 0-")) << requests[i];
  }
}

TEST_F(JobsTest, FetchOfADirectoryStaysInIt) {
  make_tree();
  start();
  ASSERT_TRUE(run(JobKind::fetch, {"d"}, false));
  EXPECT_EQ(watcher->last().files, 1u);
  EXPECT_TRUE(is_complete("d/b"));
  EXPECT_EQ(web->count("GET /d/e/"), 0u);
  EXPECT_EQ(web->count("GET /a"), 0u);
}

TEST_F(JobsTest, FetchOfFilesFindsTheirWay) {
  make_tree();
  start();
  ASSERT_TRUE(run(JobKind::fetch, {"d/e/c", "a"}, false));
  EXPECT_EQ(watcher->last().files_done, 2u);
  EXPECT_EQ(web->count("GET /d/b"), 0u);
  EXPECT_TRUE(is_complete("d/e/c", 5 * kMiB));
}

TEST_F(JobsTest, AFileGivenTwiceIsFetchedOnce) {
  make_tree();
  start();
  ASSERT_TRUE(run(JobKind::fetch, {"a", "a", ""}));
  EXPECT_EQ(web->count("GET /a"), 1u);
}

TEST_F(JobsTest, APathThatIsNotThereIsNamedAndTheOthersAreFetched) {
  make_tree();
  start();
  ASSERT_TRUE(run(JobKind::fetch, {"no/such", "a/b", "a"}));
  EXPECT_EQ(watcher->findings(), (std::vector<std::string>{"failed a/b", "failed no/such"}));
  EXPECT_EQ(watcher->last().failed, 2u);
  EXPECT_TRUE(is_complete("a"));
}

TEST_F(JobsTest, AFileThatCannotBeHadIsNamedAndTheOthersAreFetched) {
  make_tree();
  web->fail("/d/b", Errc::denied, 1'000);
  start();
  ASSERT_TRUE(run(JobKind::fetch));
  EXPECT_EQ(watcher->findings(), (std::vector<std::string>{"failed d/b"}));
  EXPECT_EQ(watcher->last().files_done, 3u);
  EXPECT_TRUE(is_complete("d/e/c", 5 * kMiB));
}

TEST_F(JobsTest, ADirectoryThatCannotBeHadIsNamedAndTheOthersAreFetched) {
  make_tree();
  web->fail("/d/e/", Errc::denied, 1'000);
  start();
  ASSERT_TRUE(run(JobKind::fetch));
  EXPECT_EQ(watcher->findings(), (std::vector<std::string>{"failed d/e"}));
  EXPECT_TRUE(is_complete("d/b"));
}

TEST_F(JobsTest, WhatIsBrokenOffIsResumed) {
  web->put("/big", {40 * kMiB});
  web->break_off("/big", 3 * kMiB, 100);
  start();
  ASSERT_TRUE(run(JobKind::fetch));
  EXPECT_EQ(watcher->findings(), (std::vector<std::string>{"failed big"}));
  const auto here = watcher->last().bytes_done;
  EXPECT_GE(here, 3 * kMiB);
  web->break_off("/big", 0, 0);
  ASSERT_TRUE(run(JobKind::fetch));
  EXPECT_GE(watcher->last().bytes_present, here);
  EXPECT_TRUE(is_complete("big", 40 * kMiB));
}

TEST_F(JobsTest, AnOriginThatIsAwayEndsTheJob) {
  for (int i = 0; i < 200; ++i) web->put("/f" + std::to_string(i), {kSize});
  start();
  ASSERT_TRUE(list(kRootId));
  web->fail_all(Errc::unreachable);
  begin(JobKind::fetch);
  ASSERT_TRUE(watcher->wait_for_end());
  EXPECT_EQ((*watcher->result()).error().code, Errc::unreachable);
  EXPECT_LT(web->count("GET"), 100u);
  web->fail_all(std::nullopt);
  ASSERT_TRUE(run(JobKind::fetch)) << "it goes on when the origin is back";
  EXPECT_TRUE(is_complete("f199"));
}

TEST_F(JobsTest, WhenNobodyCanBeReachedTheFirstFailureEndsTheJob) {
  for (int i = 0; i < 200; ++i) web->put("/f" + std::to_string(i), {kSize});
  start();
  ASSERT_TRUE(list(kRootId));
  web->fail_all(Errc::timeout);
  web->set_away(true);
  EXPECT_EQ(error_of(JobKind::fetch).code, Errc::timeout);
  EXPECT_EQ(watcher->last().failed, 1u);
}

TEST_F(JobsTest, AFullCacheEndsTheJob) {
  for (int i = 0; i < 200; ++i) web->put("/f" + std::to_string(i), {kSize});
  start([](std::unique_ptr<Cache> real) { return std::make_unique<FullCache>(std::move(real)); });
  begin(JobKind::fetch);
  ASSERT_TRUE(watcher->wait_for_end());
  EXPECT_EQ((*watcher->result()).error().code, Errc::no_space);
}

TEST_F(JobsTest, WhatCannotFitIsRefusedBeforeAByteIsFetched) {
  web->put("/huge", {8'000'000 * kMiB});
  start();
  begin(JobKind::fetch);
  ASSERT_TRUE(watcher->wait_for_end());
  EXPECT_EQ((*watcher->result()).error().code, Errc::no_space);
  EXPECT_EQ(web->count("GET"), 0u);
}

TEST_F(JobsTest, AFileThatHasChangedIsFetchedAsItIsNow) {
  web->set_style(FakeWeb::Style::names_only);
  web->put("/a", {kSize});
  start();
  ASSERT_TRUE(walk("a"));  // its version is known
  web->touch("/a");
  ASSERT_TRUE(run(JobKind::fetch));
  EXPECT_TRUE(watcher->findings().empty());
  EXPECT_TRUE(is_complete("a", kSize, 2));
}

TEST_F(JobsTest, FilesOfUnknownSizeAreNamed) {
  web->set_style(FakeWeb::Style::names_only);
  web->put("/a", {kSize});
  web->put("/b", {kSize});
  web->fail("/b", Errc::denied, 1'000);
  start();
  ASSERT_TRUE(run(JobKind::fetch));
  EXPECT_EQ(watcher->findings(), (std::vector<std::string>{"failed b"}));
  EXPECT_TRUE(is_complete("a"));
}

// --- what does not fit ---

class FetchRoomTest : public JobsTest {
 protected:
  static constexpr std::uint64_t kFile = 256u << 10;
  void put(const std::string& where, int files) {
    for (int i = 0; i < files; ++i) web->put(where + "/f" + std::to_string(i), {kFile});
  }
};

TEST_F(FetchRoomTest, CountsWhatIsHereOfATreeAndWhatIsPinnedElsewhere) {
  put("/here", 6);
  put("/there", 4);
  options.storage.cache_size = 8 * kFile;
  start();
  ASSERT_TRUE(run(JobKind::pin, {"there"})) << "what is pinned";
  const auto asked = web->count("GET");
  const Error refused = error_of(JobKind::fetch, {"here"});
  EXPECT_EQ(refused.code, Errc::no_space);
  EXPECT_NE(refused.message.find("1.5 MiB are missing"), std::string::npos) << refused.message;
  EXPECT_NE(refused.message.find("1.0 MiB of other things are pinned"), std::string::npos)
      << refused.message;
  EXPECT_EQ(web->count("GET"), asked) << "before a byte is fetched";
  ASSERT_TRUE(engine->storage().unpin(walk("there")->id));
  EXPECT_TRUE(run(JobKind::fetch, {"here"})) << "the others may go";
  EXPECT_TRUE(run(JobKind::fetch, {"here"})) << "it is here";
  EXPECT_TRUE(error_of(JobKind::fetch, {"here", "there"}).code == Errc::no_space)
      << "all of it is too much";
}

TEST_F(FetchRoomTest, APinOfWhatDoesNotFitPinsNothing) {
  put("/d", 6);
  options.storage.cache_size = 4 * kFile;
  start();
  EXPECT_EQ(error_of(JobKind::pin, {"d"}).code, Errc::no_space);
  EXPECT_FALSE(engine->storage().is_pinned(walk("d")->id));
}

TEST_F(FetchRoomTest, APinnedTreeIsNotCountedTwice) {
  put("/d", 3);
  options.storage.cache_size = 4 * kFile;
  start();
  ASSERT_TRUE(run(JobKind::pin, {"d"}));
  web->put("/d/new", {kFile});
  ASSERT_TRUE(run(JobKind::refresh, {"d"}));
  EXPECT_TRUE(run(JobKind::pin, {"d"}));
  EXPECT_TRUE(run(JobKind::pin, {"d/f0", "d/new"}));
  EXPECT_TRUE(is_complete("d/new", kFile));
}

// --- pin ---

TEST_F(FetchRoomTest, WhatIsPinnedStaysWhileOthersComeAndGo) {
  put("/kept", 3);
  put("/other", 12);
  options.storage.cache_size = 6 * kFile;
  start();
  ASSERT_TRUE(run(JobKind::pin, {"kept"}));
  for (int i = 0; i < 12; ++i) {
    const std::string path = "other/f" + std::to_string(i);
    ASSERT_TRUE(reads(open(path), path, 1, {0, kFile}));
  }
  const auto asked = web->count("GET /kept/");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(is_complete("kept/f" + std::to_string(i), kFile));
  EXPECT_EQ(web->count("GET /kept/"), asked);
  stop();
  start();
  EXPECT_TRUE(engine->storage().is_pinned(walk("kept/f0")->id));
}

TEST_F(JobsTest, APinThatFailsInPartIsAPin) {
  make_tree();
  web->fail("/d/b", Errc::denied, 1'000);
  start();
  ASSERT_TRUE(run(JobKind::pin, {"d", "none"}));
  EXPECT_EQ(watcher->findings(), (std::vector<std::string>{"failed d/b", "failed none"}));
  EXPECT_TRUE(engine->storage().is_pinned(walk("d/b")->id));
  EXPECT_FALSE(engine->storage().is_pinned(walk("a")->id));
  EXPECT_TRUE(is_complete("d/e/c", 5 * kMiB));
}

// --- metadata ---

TEST_F(JobsTest, MetadataIsListingsAndSizes) {
  make_tree();
  web->set_style(FakeWeb::Style::names_only);
  start();
  ASSERT_TRUE(run(JobKind::metadata));
  EXPECT_EQ(watcher->last().files, 4u);
  EXPECT_EQ(watcher->last().bytes, 2 * kSize + 5 * kMiB);
  EXPECT_EQ(web->count("GET"), 0u);
  const auto asked = web->requests().size();
  ASSERT_TRUE(walk("d/e/c"));
  ASSERT_TRUE(list(walk("d/e")->id));
  EXPECT_EQ(web->requests().size(), asked);
}

TEST_F(JobsTest, ManyListingsAreUnderWayAtOnce) {
  for (int i = 0; i < 100; ++i) web->put("/d" + std::to_string(i) + "/f", {kSize});
  start();
  ASSERT_TRUE(list(kRootId));
  web->hold();
  begin(JobKind::metadata);
  EXPECT_TRUE(web->wait_for("LIST /d", 6));
  web->release();
  ASSERT_TRUE(watcher->wait_for_end());
  EXPECT_EQ(watcher->last().directories, 101u);
}

}  // namespace
}  // namespace lazymirror::testing
