// SPDX-License-Identifier: Apache-2.0
//
// The fixtures themselves: what they promise to clean up, and that a wrong
// byte does not get past them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "support/child_process.h"
#include "support/loop_fs.h"
#include "support/manual_clock.h"
#include "support/mounts.h"
#include "support/skip.h"
#include "support/temp_dir.h"
#include "support/truth.h"
#include "support/web_server.h"

namespace lazymirror::testing {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

TEST(TempDirectory, IsRemovedWithItsContents) {
  std::string path;
  {
    const TempDir dir;
    path = dir.path();
    dir.make_dir("a/b");
    dir.write("a/b/c", "text");
    EXPECT_EQ(slurp(dir / "a/b/c"), "text");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(TempDirectory, NeverRemovesWhatIsMountedBelowIt) {
  LM_REQUIRE(SmallFs::available() && enter_private_mounts(), "needs root for mounting");
  const TempDir kept;
  kept.write("precious", "x");
  {
    const TempDir dir;
    const std::string mountpoint = dir.make_dir("m");
    ASSERT_EQ(run_command({"mount", "--bind", kept.path(), mountpoint}).status, 0);
    ASSERT_EQ(slurp(mountpoint + "/precious"), "x");
  }
  EXPECT_EQ(slurp(kept / "precious"), "x");
}

TEST(AChildProcess, TellsHowItEnded) {
  EXPECT_EQ(run_shell("echo out; echo err >&2; exit 3").status, 3);
  EXPECT_EQ(run_shell("echo out; echo err >&2").output, "out\nerr\n");
  EXPECT_EQ(run_shell("kill -TERM $$").status, 128 + SIGTERM);
  EXPECT_EQ(run_command({"/proc/nonexistent"}).status, 127);
}

TEST(AChildProcess, IsKilledAtTheDeadline) {
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(run_command({"sleep", "60"}, std::chrono::milliseconds(50)).status, std::nullopt);
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds(10));
}

TEST(AChildProcess, DoesNotOutliveItsObject) {
  pid_t pid = 0;
  {
    ChildProcess child({.argv = {"sleep", "60"}});
    EXPECT_TRUE(child.running());
    pid = child.pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST(TheTruth, IsLaidOutAndCompared) {
  const TempDir dir;
  const std::string path = dir / "sub/file";
  lay_out(path, "/file", {.size = 300'001, .version = 3});
  EXPECT_TRUE(file_is(path, "/file", 3, 300'001));
  EXPECT_FALSE(file_is(path, "/file", 3, 300'000)) << "longer than it should be";
  EXPECT_FALSE(file_is(path, "/file", 3, 300'002)) << "shorter than it should be";
  EXPECT_FALSE(file_is(path, "/file", 2, 300'001)) << "another version";
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mtime, 1'700'000'000);
  const UniqueFd fd(::open(path.c_str(), O_WRONLY));
  ASSERT_EQ(::pwrite(fd.get(), "\0", 1, 200'000), 1);
  EXPECT_THAT(file_is(path, "/file", 3, 300'001).message(), HasSubstr("wrong byte at 200000"));
}

template <typename Server>
class RealWebServer : public ::testing::Test {};
using Servers = ::testing::Types<Nginx, Apache>;
TYPED_TEST_SUITE(RealWebServer, Servers);

TYPED_TEST(RealWebServer, ServesADirectoryAndLogsWhatWasAsked) {
  LM_REQUIRE(TypeParam::available(), "the web server is not installed");
  const TempDir dir;
  ASSERT_EQ(::chmod(dir.path().c_str(), 0755), 0);
  dir.write("file", "contents");
  TypeParam server(dir.path());
  EXPECT_THAT(run_command({"curl", "-s", server.url()}).output, HasSubstr("href=\"file\""));
  EXPECT_EQ(run_command({"curl", "-s", server.url() + "file"}).output, "contents");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 2u) << server.log();
  EXPECT_EQ(requests[1].method, "GET");
  EXPECT_EQ(requests[1].target, "/file");
  EXPECT_EQ(requests[1].status, 200);
  server.stop();
  EXPECT_NE(run_command({"curl", "-s", server.url()}).status, 0);
  server.restart();
  EXPECT_EQ(run_command({"curl", "-s", server.url() + "file"}).output, "contents");
}

class ASmallFileSystem : public ::testing::TestWithParam<SmallFs::Kind> {};
INSTANTIATE_TEST_SUITE_P(OfEachKind, ASmallFileSystem,
                         ::testing::Values(SmallFs::Kind::ext4, SmallFs::Kind::tmpfs));

TEST_P(ASmallFileSystem, IsSmallAndGoesAway) {
  LM_REQUIRE(SmallFs::available() && enter_private_mounts(), "needs root for mounting");
  std::string path;
  {
    const SmallFs fs(GetParam(), 16u << 20);
    path = fs.path();
    EXPECT_TRUE(mount_at(path));
    EXPECT_LT(fs.free_bytes(), 17u << 20);
    EXPECT_NE(run_shell("head -c 20M /dev/zero > " + path + "/x").status, 0);
  }
  EXPECT_FALSE(mount_at(path));
}

TEST(AManualClock, MovesOnlyWhenTold) {
  ManualClock clock;
  const auto steady = clock.now();
  const auto wall = clock.wall_ns();
  EXPECT_EQ(clock.now(), steady);
  clock.advance(Duration(1500));
  EXPECT_EQ(clock.now() - steady, Duration(1500));
  EXPECT_EQ(clock.wall_ns() - wall, 1'500'000'000);
}

}  // namespace
}  // namespace lazymirror::testing
