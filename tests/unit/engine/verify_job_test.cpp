// SPDX-License-Identifier: Apache-2.0
//
// Verifying what is cached.
#include "jobs_fixture.h"

namespace lazymirror::testing {
namespace {

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

TEST_F(JobsTest, AListThatHasGrownTooLongIsNotFetched) {
  web->put("/d/file", {kSize});
  web->put_text("/d/SHA256SUMS", sha256_of("/d/file", kSize) + "  file\n");
  start();
  ASSERT_TRUE(run(JobKind::fetch, {"d/file"}, false));
  web->put("/d/SHA256SUMS", {17 * kMiB, 2});
  ASSERT_TRUE(run(JobKind::verify));
  EXPECT_GT(web->count("HEAD /d/SHA256SUMS"), 0u);
  EXPECT_EQ(web->count("GET /d/SHA256SUMS"), 0u);
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

TEST_F(JobsTest, APublishedChecksumThatIsItselfWrongIsAConflictOnce) {
  web->put("/d/file", {kSize});
  const auto publish = [&](std::uint64_t version) {
    web->put_text("/d/SHA256SUMS", sha256_of("/d/file", kSize, version) + "  file\n");
  };
  publish(7);
  start();
  ASSERT_TRUE(run(JobKind::fetch));
  ASSERT_TRUE(run(JobKind::verify));
  EXPECT_EQ(watcher->findings(), (std::vector<std::string>{"mismatch d/file"}));
  ASSERT_TRUE(run(JobKind::fetch));
  const auto got = web->count("GET /d/file");
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(run(JobKind::verify));
    EXPECT_EQ(watcher->findings(), (std::vector<std::string>{"conflict d/file"}));
    EXPECT_TRUE(is_complete("d/file")) << "it is kept";
  }
  EXPECT_EQ(web->count("GET /d/file"), got);
  publish(1);
  web->touch("/d/SHA256SUMS");
  ASSERT_TRUE(run(JobKind::verify));
  for (const std::string& finding : watcher->findings()) {
    EXPECT_EQ(finding, "changed d/SHA256SUMS") << "the list was mended";
  }
}

TEST_F(JobsTest, ListsOfALargeDirectoryAreReadOnce) {
  for (int i = 0; i < 600; ++i) web->put("/d/f" + std::to_string(i), {10});
  web->put_text("/d/MD5SUMS", "nothing of use\n");
  start();
  ASSERT_TRUE(run(JobKind::fetch));
  const auto before = web->count("HEAD /d/MD5SUMS");
  ASSERT_TRUE(run(JobKind::verify));
  EXPECT_EQ(watcher->last().files_done, 601u);
  EXPECT_TRUE(watcher->findings().empty());
  EXPECT_EQ(web->count("HEAD /d/MD5SUMS"), before + 2) << "as a list, and as a file";
}

}  // namespace
}  // namespace lazymirror::testing
