// SPDX-License-Identifier: Apache-2.0
//
// Starting, showing, stopping; what is refused and in which words.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "integration/watch/watch.h"

namespace lazymirror::testing {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr std::uint64_t kSize = 1'000'003;

class Watching : public OnEachFs {};
INSTANTIATE_TEST_SUITE_P(All, Watching, ::testing::ValuesIn(each_fs()), fs_name);

TEST_P(Watching, ShowsTheTreeInPlaceUntilItIsStopped) {
  origin.put("/d/f", {.size = kSize});
  auto daemon = watched();
  EXPECT_TRUE(is_right("/d/f", kSize));
  EXPECT_EQ(daemon->terminate(), 0) << daemon->log();
  EXPECT_THAT(mounts_below(cache), ::testing::IsEmpty());
  struct stat data {};
  ASSERT_EQ(::stat((cache + "/data").c_str(), &data), 0);
  EXPECT_EQ(data.st_mode & 0777, 0700u) << "nobody guards it: the door is closed";
}

TEST_P(Watching, ShowsTheTreeAtAnotherPlaceToo) {
  origin.put("/d/f", {.size = kSize});
  const std::string there = work.make_dir("there");
  auto daemon = watched({}, there);
  EXPECT_TRUE(file_is(there + "/d/f", "/d/f", 1, kSize));
  EXPECT_TRUE(is_right("/d/f", kSize));
  EXPECT_EQ(daemon->terminate(), 0);
  EXPECT_FALSE(mount_at(there));
}

TEST_P(Watching, IsEndedByTheStopCommand) {
  origin.put("/f", {.size = 10});
  auto daemon = watched();
  ASSERT_TRUE(is_right("/f", 10));
  const auto stopped = run({"stop", cache});
  EXPECT_EQ(stopped.status, 0) << stopped.output;
  EXPECT_EQ(daemon->wait(seconds(60)), 0);
  EXPECT_THAT(mounts_below(cache), ::testing::IsEmpty());
}

TEST_P(Watching, SetsNoMarkOnTheCachesOfOthers) {
  origin.put("/f", {.size = 10});
  auto daemon = watched();
  auto second = start();
  EXPECT_EQ(second->wait(seconds(30)), 1);
  EXPECT_THAT(second->log(), HasSubstr("is in use by"));
  EXPECT_TRUE(is_right("/f", 10)) << "the first one goes on";
}

// Of others the work mount, by which the next keeper takes over, knows nothing.
TEST_P(Watching, GivesTheLockToTheCachesOwner) {
  origin.put("/f", {.size = 10});
  std::filesystem::create_directory(cache);
  ASSERT_EQ(::chown(cache.c_str(), 1234, 2345), 0);
  auto daemon = watched();
  EXPECT_TRUE(is_right("/f", 10));
  struct stat lock {};
  ASSERT_EQ(::stat((cache + "/lock").c_str(), &lock), 0);
  EXPECT_EQ(lock.st_uid, 1234u);
  EXPECT_EQ(lock.st_gid, 2345u);
}

class Refusals : public Watch {
 protected:
  Refusals() : Watch(SmallFs::Kind::tmpfs) {}
};

TEST_F(Refusals, NameTheFileSystemThatCannotBeWatched) {
  auto daemon = start();
  EXPECT_EQ(daemon->wait(seconds(30)), 1);
  EXPECT_THAT(daemon->log(), HasSubstr("tmpfs"));
  EXPECT_THAT(daemon->log(), HasSubstr("mkcache"));
}

TEST_F(Refusals, ProtectTheRootFileSystem) {
  const TempDir on_root;
  struct stat root {
  }, here{};
  ASSERT_EQ(::stat("/", &root), 0);
  ASSERT_EQ(::stat(on_root.path().c_str(), &here), 0);
  LM_REQUIRE(root.st_dev == here.st_dev, "the temporary directory is not on the root file system");
  const auto result = run({"watch", "--foreground", origin.url(), on_root / "cache"});
  EXPECT_EQ(result.status, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("--shared-filesystem"));
}

}  // namespace
}  // namespace lazymirror::testing
