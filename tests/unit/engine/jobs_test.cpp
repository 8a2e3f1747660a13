// SPDX-License-Identifier: Apache-2.0
//
// The life of jobs, whatever they do, and refreshing.
#include "jobs_fixture.h"

namespace lazymirror::testing {
namespace {

// --- begin and end ---

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
  EXPECT_EQ(engine->report().jobs.size(), 1u);
  EXPECT_EQ(watcher->last().phase, JobProgress::Phase::fetching);
  EXPECT_EQ(watcher->last().bytes, 2 * kSize + 5 * kMiB);
  web->release();
  ASSERT_TRUE(watcher->wait_for_end());
  EXPECT_TRUE(engine->jobs().running().empty());
  EXPECT_TRUE(engine->report().jobs.empty());
}

// --- offline ---

TEST_F(JobsTest, OfflineWhatIsHereIsNoFailureAndWhatIsMissingEndsItAtOnce) {
  for (int i = 0; i < 200; ++i) web->put("/d/f" + std::to_string(i), {kSize});
  web->put("/here", {kSize});
  web->put("/x/y", {kSize});
  start();
  ASSERT_TRUE(run(JobKind::fetch, {"here", "d/f7"}, false));
  engine->set_offline(true);
  EXPECT_TRUE(run(JobKind::fetch, {"here"}));
  EXPECT_EQ(watcher->last().files_done, 1u);
  const auto asked = web->count("GET");
  const Error refused = error_of(JobKind::fetch);
  EXPECT_EQ(refused.code, Errc::unreachable);
  EXPECT_NE(refused.message.find("offline (lazymirror online ends that): 199 files are not here, 1 "
                                 "directory not known"),
            std::string::npos)
      << refused.message;
  EXPECT_EQ(watcher->last().failed, 200u);
  EXPECT_TRUE(watcher->findings().empty()) << "they are counted, not named";
  EXPECT_EQ(web->count("GET"), asked);
  engine->set_offline(false);
  EXPECT_TRUE(run(JobKind::fetch));
}

TEST_F(JobsTest, OfflineSetMeanwhileEndsItAtOnce) {
  for (int i = 0; i < 200; ++i) web->put("/f" + std::to_string(i), {kSize});
  start();
  ASSERT_TRUE(list(kRootId));
  web->hold();
  begin(JobKind::fetch);
  ASSERT_TRUE(web->wait_for("GET", 6));
  engine->set_offline(true);
  ASSERT_TRUE(watcher->wait_for_end());
  EXPECT_EQ((*watcher->result()).error().code, Errc::unreachable);
  EXPECT_EQ(watcher->last().failed, 200u);
  web->release();
}

TEST_F(JobsTest, OfflineNothingIsRefreshed) {
  make_tree();
  start();
  ASSERT_TRUE(list(kRootId));
  engine->set_offline(true);
  EXPECT_EQ(error_of(JobKind::refresh).code, Errc::unreachable);
  EXPECT_EQ(web->count("LIST /"), 1u);
}

TEST_F(JobsTest, OfflineVerifyChecksTheDiskAlone) {
  make_tree();
  start();
  ASSERT_TRUE(run(JobKind::fetch));
  flip("a", 17);
  engine->set_offline(true);
  const auto asked = web->requests().size();
  ASSERT_TRUE(run(JobKind::verify));
  EXPECT_EQ(watcher->findings(), (std::vector<std::string>{"damaged a"}));
  EXPECT_EQ(watcher->last().files_done, 3u);
  EXPECT_EQ(web->requests().size(), asked);
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

}  // namespace
}  // namespace lazymirror::testing
