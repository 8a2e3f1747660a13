// SPDX-License-Identifier: Apache-2.0
//
// Fetching, refreshing and verifying parts of the tree.
#include <algorithm>
#include <fstream>

#include "base/digest.h"
#include "engine_fixture.h"
#include "full_cache.h"
#include "support/truth.h"

namespace lazymirror::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AssertionFailure;
using ::testing::AssertionResult;
using ::testing::AssertionSuccess;

constexpr std::uint64_t kSize = 10'000;

// What a job said.
class Watcher final : public JobObserver {
 public:
  void on_progress(const JobProgress& progress) override {
    const std::lock_guard lock(mutex_);
    last_ = progress;
    ++looks_;
    moved_.notify_all();
  }
  void on_finding(const JobFinding& finding) override {
    const std::lock_guard lock(mutex_);
    findings_.push_back(std::string(finding_name(finding.kind)) + ' ' + finding.path);
  }
  void on_end(const Result<>& result, const JobProgress& progress) override {
    const std::lock_guard lock(mutex_);
    last_ = progress;
    EXPECT_FALSE(result_) << "it ends once";
    result_ = result;
    moved_.notify_all();
  }

  bool wait_for_end() {
    std::unique_lock lock(mutex_);
    return moved_.wait_for(lock, 60s, [&] { return result_.has_value(); });
  }
  bool wait_for_looks(int count) {
    std::unique_lock lock(mutex_);
    return moved_.wait_for(lock, 60s, [&] { return looks_ >= count; });
  }
  // Sorted.
  std::vector<std::string> findings() {
    const std::lock_guard lock(mutex_);
    auto sorted = findings_;
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }
  JobProgress last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  std::optional<Result<>> result() {
    const std::lock_guard lock(mutex_);
    return result_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable moved_;
  std::vector<std::string> findings_;
  JobProgress last_;
  std::optional<Result<>> result_;
  int looks_ = 0;
};

class JobsTest : public EngineTest {
 protected:
  JobId begin(JobKind kind, const std::vector<std::string>& paths = {""}, bool recursive = true) {
    watcher = std::make_shared<Watcher>();
    return engine->jobs().start({kind, paths, recursive}, watcher);
  }
  // True when it ended without an error; its findings are another matter.
  AssertionResult run(JobKind kind, const std::vector<std::string>& paths = {""},
                      bool recursive = true) {
    begin(kind, paths, recursive);
    if (!watcher->wait_for_end()) return AssertionFailure() << "it does not end";
    const auto result = *watcher->result();
    if (!result) return AssertionFailure() << result.error().message;
    return AssertionSuccess();
  }
  AssertionResult is_complete(const std::string& path, std::uint64_t size = kSize,
                              std::uint64_t version = 1) {
    const auto file = open(path);
    if (!file || !file->is_complete()) return AssertionFailure() << path << " is not complete";
    return reads(file, path, version, {0, size});
  }
  void flip(const std::string& path, std::uint64_t offset) const {
    std::fstream file(directory / "cache/data/" + path,
                      std::ios::in | std::ios::out | std::ios::binary);
    ASSERT_TRUE(file) << path;
    file.seekg(static_cast<std::streamoff>(offset));
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
  }
  static std::string sha256_of(const std::string& path, std::uint64_t size,
                               std::uint64_t version = 1) {
    std::vector<std::byte> bytes(size);
    oracle_fill(path, version, 0, bytes);
    Digest sum(DigestKind::sha256);
    sum.add(bytes);
    return sum.hex();
  }
  void make_tree() {
    web->put("/a", {kSize});
    web->put("/d/b", {kSize});
    web->put("/d/e/c", {5 * kMiB});
    web->put("/d/e/empty", {0});
  }

  std::shared_ptr<Watcher> watcher;
};

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
  ASSERT_TRUE(run(JobKind::fetch));
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

TEST_F(JobsTest, CancellingEndsItAndWithdrawsWhatWasAskedFor) {
  for (int i = 0; i < 200; ++i) web->put("/f" + std::to_string(i), {kSize});
  start();
  ASSERT_TRUE(list(kRootId));
  web->hold();
  const JobId id = begin(JobKind::fetch);
  ASSERT_TRUE(web->wait_for("GET", 6));
  engine->jobs().cancel(id);
  ASSERT_TRUE(watcher->wait_for_end());
  EXPECT_EQ((*watcher->result()).error().code, Errc::cancelled);
  web->release();
  stop();
  EXPECT_LE(web->count("GET"), 8u) << "only what was under way";
}

TEST_F(JobsTest, TheEndOfTheEngineIsTheEndOfItsJobs) {
  make_tree();
  start();
  web->hold();
  begin(JobKind::fetch);
  ASSERT_TRUE(web->wait_for("LIST", 1));
  stop();
  ASSERT_TRUE(watcher->result());
  EXPECT_EQ((*watcher->result()).error().code, Errc::cancelled);
}

TEST_F(JobsTest, ReadersGoFirst) {
  for (int i = 0; i < 200; ++i) web->put("/d/f" + std::to_string(i), {kSize});
  web->put("/wanted", {kSize});
  start();
  const auto wanted = open("wanted");
  ASSERT_TRUE(walk("d/f0"));
  web->hold();
  begin(JobKind::fetch, {"d"});
  ASSERT_TRUE(web->wait_for("GET /d/", 6)) << "of eight slots two are kept for demand";
  engine->fill(wanted, {0, kSize}, soon(), [](const Result<>&) {});
  EXPECT_TRUE(web->wait_for("GET /wanted", 1)) << "while nothing of the job is answered";
  EXPECT_EQ(web->count("GET /d/"), 6u);
  web->release();
  ASSERT_TRUE(watcher->wait_for_end());
}

TEST_F(JobsTest, TellsHowFarItIs) {
  make_tree();
  start();
  ASSERT_TRUE(walk("d/e/c"));
  web->hold();
  begin(JobKind::fetch);
  ASSERT_TRUE(web->wait_for("GET", 2));
  ASSERT_TRUE(watcher->wait_for_looks(2));
  const auto running = engine->jobs().running();
  ASSERT_EQ(running.size(), 1u);
  EXPECT_EQ(running[0].request.kind, JobKind::fetch);
  EXPECT_EQ(watcher->last().phase, JobProgress::Phase::fetching);
  EXPECT_EQ(watcher->last().bytes, 2 * kSize + 5 * kMiB);
  web->release();
  ASSERT_TRUE(watcher->wait_for_end());
  EXPECT_TRUE(engine->jobs().running().empty());
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

// --- refresh ---

TEST_F(JobsTest, RefreshShowsNewNamesAtOnce) {
  make_tree();
  start();
  ASSERT_EQ(names(kRootId), (std::vector<std::string>{"a", "d"}));
  web->put("/new", {kSize});
  ASSERT_TRUE(run(JobKind::refresh, {""}, false));
  EXPECT_EQ(names(kRootId), (std::vector<std::string>{"a", "d", "new"}));
  EXPECT_TRUE(heard.wait_for("directory 1"));
}

TEST_F(JobsTest, RefreshGoesWhereSomebodyHasBeen) {
  make_tree();
  web->put("/x/y", {kSize});
  start();
  ASSERT_TRUE(walk("d/b"));
  web->put("/d/new", {kSize});
  ASSERT_TRUE(run(JobKind::refresh));
  EXPECT_EQ(web->count("LIST /x/"), 0u);
  EXPECT_EQ(web->count("LIST /d/e/"), 0u);
  EXPECT_EQ(web->count("LIST /d/"), 2u);
  EXPECT_TRUE(walk("d/new"));
}

TEST_F(JobsTest, RefreshOfAFileAsksForItsVersion) {
  make_tree();
  start();
  ASSERT_TRUE(reads(open("a"), "a", 1, {0, kSize}));
  web->touch("/a");
  ASSERT_TRUE(run(JobKind::refresh, {"a"}));
  EXPECT_TRUE(heard.wait_for("entry a"));
  EXPECT_TRUE(reads(open("a"), "a", 2, {0, kSize}));
}

TEST_F(JobsTest, ARefreshThatFailsKeepsWhatIsThereAndSaysSo) {
  make_tree();
  start();
  ASSERT_TRUE(list(kRootId));
  web->spoil_listings(true);
  ASSERT_TRUE(run(JobKind::refresh, {""}, false));
  EXPECT_EQ(watcher->last().failed, 1u);
  EXPECT_EQ(names(kRootId), (std::vector<std::string>{"a", "d"}));
}

// --- verify ---

TEST_F(JobsTest, VerifyOfWhatIsRightFindsNothing) {
  make_tree();
  start();
  ASSERT_TRUE(run(JobKind::fetch));
  const auto got = web->count("GET");
  ASSERT_TRUE(run(JobKind::verify));
  EXPECT_TRUE(watcher->findings().empty());
  EXPECT_EQ(watcher->last().files_done, 3u) << "of the empty one nothing is cached";
  EXPECT_EQ(watcher->last().bytes_done, 2 * kSize + 5 * kMiB);
  EXPECT_EQ(web->count("GET"), got);
}

TEST_F(JobsTest, VerifyFindsAFlippedBit) {
  make_tree();
  start();
  ASSERT_TRUE(run(JobKind::fetch));
  flip("d/e/c", 3 * kMiB + 17);
  ASSERT_TRUE(run(JobKind::verify));
  EXPECT_EQ(watcher->findings(), (std::vector<std::string>{"damaged d/e/c"}));
  EXPECT_EQ(watcher->last().found, 1u);
  EXPECT_TRUE(heard.wait_for("entry c")) << "the kernel may have the wrong bytes";
  const auto file = open("d/e/c");
  EXPECT_FALSE(file->is_complete());
  EXPECT_TRUE(reads(file, "d/e/c", 1, {0, 5 * kMiB}));
  ASSERT_TRUE(run(JobKind::verify));
  EXPECT_TRUE(watcher->findings().empty()) << "it was fetched again";
}

TEST_F(JobsTest, VerifyLooksBelowItsPathOnly) {
  make_tree();
  start();
  ASSERT_TRUE(run(JobKind::fetch));
  flip("a", 17);
  ASSERT_TRUE(run(JobKind::verify, {"d"}));
  EXPECT_TRUE(watcher->findings().empty());
  ASSERT_TRUE(run(JobKind::verify, {"a"}, false));
  EXPECT_EQ(watcher->findings(), (std::vector<std::string>{"damaged a"}));
}

TEST_F(JobsTest, VerifyFindsOtherVersionsAndWhatIsGone) {
  make_tree();
  start();
  ASSERT_TRUE(run(JobKind::fetch));
  web->touch("/a");
  web->remove("/d/b");
  ASSERT_TRUE(run(JobKind::verify));
  EXPECT_EQ(watcher->findings(), (std::vector<std::string>{"changed a", "gone d/b"}));
}

TEST_F(JobsTest, VerifyComparesWithPublishedChecksums) {
  web->put("/d/good", {kSize});
  web->put("/d/bad", {kSize});
  web->put("/d/alone", {kSize});
  web->put_text("/d/SHA256SUMS", sha256_of("/d/good", kSize) + "  good\n" +
                                     sha256_of("/d/bad", kSize, 7) + "  bad\n");
  web->put_text("/d/alone.sha256", sha256_of("/d/alone", kSize) + "\n");
  start();
  ASSERT_TRUE(run(JobKind::fetch, {"d/good", "d/bad", "d/alone"}, false));
  ASSERT_TRUE(run(JobKind::verify));
  EXPECT_EQ(watcher->findings(), (std::vector<std::string>{"mismatch d/bad"}));
  EXPECT_EQ(watcher->last().compared, 3u);
  EXPECT_FALSE(open("d/bad")->is_complete()) << "it is fetched again";
  EXPECT_TRUE(is_complete("d/good"));
}

TEST_F(JobsTest, VerifyWithoutTheOriginChecksTheDisk) {
  make_tree();
  start();
  ASSERT_TRUE(run(JobKind::fetch));
  flip("a", 17);
  web->fail_all(Errc::unreachable);
  ASSERT_TRUE(run(JobKind::verify));
  const auto findings = watcher->findings();
  EXPECT_TRUE(std::ranges::count(findings, "damaged a") == 1);
  EXPECT_GE(watcher->last().failed, 1u) << "versions could not be compared";
  EXPECT_EQ(watcher->last().files_done, 3u);
}

}  // namespace
}  // namespace lazymirror::testing
