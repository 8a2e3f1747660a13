// SPDX-License-Identifier: Apache-2.0
//
// A mount over the fake engine: the tree as tools see it, and its beginning
// and end.
#include <dirent.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <string>

#include "base/unique_fd.h"
#include "support/mounts.h"
#include "unit/fuse/test_mount.h"

namespace lazymirror::testing {
namespace {

using ::testing::HasSubstr;

class MountTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::string io() const { return GetParam(); }
};

INSTANTIATE_TEST_SUITE_P(BothWays, MountTest, ::testing::ValuesIn(ways()),
                         [](const auto& param) { return param.param; });

struct stat stat_of(const std::string& path) {
  struct stat st {};
  EXPECT_EQ(::lstat(path.c_str(), &st), 0) << path << ": " << std::strerror(errno);
  return st;
}

std::map<std::string, ino_t> list(const std::string& path) {
  std::map<std::string, ino_t> names;
  DIR* dir = ::opendir(path.c_str());
  if (dir == nullptr) return names;
  while (const dirent* entry = ::readdir(dir)) {
    EXPECT_TRUE(names.emplace(entry->d_name, entry->d_ino).second) << entry->d_name << " twice";
  }
  ::closedir(dir);
  return names;
}

std::string xattr(const std::string& path, const std::string& name) {
  char value[256];
  const ssize_t n = ::getxattr(path.c_str(), name.c_str(), value, sizeof value);
  return n < 0 ? "errno " + std::to_string(errno) : std::string(value, static_cast<std::size_t>(n));
}

TEST(MountStartTest, ChoosesPassthroughWhereItCanBeHadAndSaysWhyNot) {
  TestMount mount("automatic");
  EXPECT_THAT(mount.ask("strategy"), can_pass_through()
                                         ? HasSubstr("passthrough: CAP_SYS_ADMIN held")
                                         : HasSubstr("passthrough needs 3.17 or newer"));
}

TEST(MountStartTest, RefusesAMountThatDemandsPassthroughInVain) {
  const TempDir dir;
  const std::string mountpoint = dir.make_dir("mnt"), data = dir.make_dir("data");
  const auto refused =
      run_command({"setpriv", "--bounding-set", "-sys_admin", LAZYMIRROR_FUSE_TEST_DAEMON,
                   mountpoint, data, data + "/socket", "passthrough"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.output, HasSubstr("passthrough cannot be had: "));
  EXPECT_THAT(refused.output, can_pass_through() ? HasSubstr("needs root (CAP_SYS_ADMIN)")
                                                 : HasSubstr("needs 3.17 or newer"));
}

TEST_P(MountTest, IsShownToMountByTypeSourceAndOptions) {
  TestMount mount(io());
  const auto entry = mount_at(mount.root());
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->type, "fuse.lazymirror");
  EXPECT_EQ(entry->source, "http://origin/a,b\\c");
  EXPECT_THAT(entry->options, HasSubstr("ro,nosuid,nodev"));
  EXPECT_THAT(entry->super_options, HasSubstr("default_permissions"));
}

TEST_P(MountTest, ListsEveryNameOnceWithDotsAndStableInodes) {
  TestMount mount(io());
  for (int round = 0; round < 2; ++round) {
    const auto root = list(mount.root());
    EXPECT_EQ(root.size(), 2U + 8U);
    EXPECT_EQ(root.at("."), 1U);
    for (const auto& [name, ino] : root) {
      if (name != "..") {
        EXPECT_EQ(stat_of(mount / name).st_ino, ino) << name;
      }
    }
    const auto names = list(mount / "dir");
    EXPECT_EQ(names.size(), 2U + 501U);
    EXPECT_EQ(names.at("."), stat_of(mount / "dir").st_ino);
    EXPECT_EQ(names.at(".."), 1U);
    EXPECT_EQ(list(mount / "dir/sub").at(".."), names.at("."));
  }
}

TEST_P(MountTest, LosesAndRepeatsNothingWhenNamesGoWhileAListingIsRead) {
  TestMount mount(io());
  DIR* dir = ::opendir((mount / "dir").c_str());
  ASSERT_NE(dir, nullptr);
  std::map<std::string, int> seen;
  for (int i = 0; i < 50; ++i) ++seen[::readdir(dir)->d_name];
  for (const char* name : {"file-3", "file-60", "file-300"}) {
    EXPECT_EQ(mount.ask(std::string("remove /dir/") + name), "ok");
  }
  EXPECT_TRUE(eventually([&] { return ::access((mount / "dir/file-300").c_str(), F_OK) != 0; }));
  while (const dirent* entry = ::readdir(dir)) ++seen[entry->d_name];
  ::closedir(dir);
  for (int i = 0; i < 500; ++i) {
    const std::string name = "file-" + std::to_string(i);
    if (i == 3 || i == 60 || i == 300) continue;  // may or may not have been seen
    EXPECT_EQ(seen[name], 1) << name;
  }
  EXPECT_TRUE(eventually([&] { return list(mount / "dir").size() == 2U + 498U; }))
      << "a fresh listing, once the kernel was told";
}

TEST_P(MountTest, ShowsSizesBlocksModesOwnersAndTimes) {
  TestMount mount(io(), {"uid=12", "gid=34"});
  const struct stat file = stat_of(mount / "big");
  EXPECT_EQ(file.st_mode, static_cast<mode_t>(S_IFREG | 0444));
  EXPECT_EQ(file.st_size, (3 << 20) + 77);
  EXPECT_EQ(file.st_blocks, ((3 << 20) + 77 + 511) / 512);
  EXPECT_EQ(file.st_uid, 12U);
  EXPECT_EQ(file.st_gid, 34U);
  EXPECT_EQ(file.st_mtim.tv_nsec, 123'456'789);
  EXPECT_EQ(file.st_ctim.tv_sec, 1'650'000'000);
  const struct stat directory = stat_of(mount / "dir");
  EXPECT_EQ(directory.st_mode, static_cast<mode_t>(S_IFDIR | 0555));
  EXPECT_EQ(directory.st_nlink, 2U);
}

TEST_P(MountTest, RunsAProgramOnlyWhereExecWasAskedFor) {
  {
    TestMount mount(io(), {"exec"});
    EXPECT_EQ(stat_of(mount / "prog").st_mode & 0777U, 0555U);
    EXPECT_EQ(run_command({mount / "prog"}).status, 0);
    EXPECT_EQ(run_command({mount / "prog"}).status, 0) << "once more, from the caches";
  }
  TestMount mount(io());
  EXPECT_NE(::access((mount / "prog").c_str(), X_OK), 0);
}

TEST_P(MountTest, ReportsTheCachesFileSystem) {
  TestMount mount(io());
  struct statvfs st {};
  ASSERT_EQ(::statvfs(mount.root().c_str(), &st), 0);
  EXPECT_EQ(st.f_frsize, 4'096U);
  EXPECT_EQ(st.f_blocks, 1'000U);
  EXPECT_EQ(st.f_bfree, 600U);
  EXPECT_EQ(st.f_bavail, 500U);
  EXPECT_EQ(st.f_namemax, 255U);
}

TEST_P(MountTest, AnswersItsXattrsAndNoOthers) {
  TestMount mount(io());
  EXPECT_EQ(xattr(mount / "done", "user.lazymirror.state"), "cached");
  EXPECT_EQ(xattr(mount / "big", "user.lazymirror.state"), "remote");
  EXPECT_EQ(xattr(mount / "dir", "user.lazymirror.state"), "directory");
  EXPECT_EQ(xattr(mount / "done", "user.lazymirror.cached_bytes"), std::to_string(2 << 20));
  EXPECT_EQ(xattr(mount / "dir/sub/leaf", "user.lazymirror.url"), "http://origin/dir/sub/leaf");
  EXPECT_EQ(xattr(mount / "done", "user.lazymirror.etag"), "\"v1\"");
  EXPECT_EQ(xattr(mount / "dir", "user.lazymirror.etag"), "errno " + std::to_string(ENODATA));
  EXPECT_EQ(xattr(mount / "done", "user.lazymirror.no"), "errno " + std::to_string(ENODATA));
  EXPECT_EQ(xattr(mount / "done", "user.other"), "errno " + std::to_string(ENODATA));
  EXPECT_EQ(xattr(mount / "done", "system.posix_acl_access"),
            "errno " + std::to_string(EOPNOTSUPP));
  char small[2];
  EXPECT_EQ(::getxattr((mount / "done").c_str(), "user.lazymirror.state", small, 2), -1);
  EXPECT_EQ(errno, ERANGE);
  EXPECT_EQ(::getxattr((mount / "done").c_str(), "user.lazymirror.state", nullptr, 0), 6);
}

TEST_P(MountTest, RefusesEveryChangeAlsoAfterARemount) {
  TestMount mount(io());
  const auto refused = [&] {
    EXPECT_LT(::open((mount / "small").c_str(), O_RDWR), 0);
    EXPECT_EQ(errno, EROFS);
    EXPECT_LT(::open((mount / "new").c_str(), O_CREAT | O_WRONLY, 0600), 0);
    EXPECT_EQ(errno, EROFS);
    EXPECT_LT(::mkdir((mount / "d").c_str(), 0700), 0);
    EXPECT_EQ(errno, EROFS);
    EXPECT_LT(::unlink((mount / "small").c_str()), 0);
    EXPECT_EQ(errno, EROFS);
    EXPECT_LT(::chmod((mount / "small").c_str(), 0600), 0);
    EXPECT_EQ(errno, EROFS);
    EXPECT_LT(::truncate((mount / "small").c_str(), 0), 0);
    EXPECT_EQ(errno, EROFS);
  };
  refused();
  if (::mount(nullptr, mount.root().c_str(), nullptr, MS_REMOUNT | MS_NOSUID | MS_NODEV, nullptr) ==
      0) {
    refused();
  }
  EXPECT_EQ(stat_of(mount / "small").st_size, 1'000);
}

TEST_P(MountTest, KnowsNamesThatAreNotThere) {
  TestMount mount(io());
  struct stat st {};
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(::stat((mount / "nothing").c_str(), &st), -1);
    EXPECT_EQ(errno, ENOENT);
  }
  EXPECT_EQ(::stat((mount / std::string(256, 'x')).c_str(), &st), -1);
  EXPECT_EQ(errno, ENAMETOOLONG);
  EXPECT_EQ(::stat((mount / "small/below").c_str(), &st), -1);
  EXPECT_EQ(errno, ENOTDIR);
}

TEST_P(MountTest, EndsWithStatusZeroWhenUnmounted) {
  TestMount mount(io());
  EXPECT_EQ(stat_of(mount / "small").st_size, 1'000);
  ASSERT_EQ(::umount2(mount.root().c_str(), 0), 0) << std::strerror(errno);
  EXPECT_EQ(mount.daemon().wait(kSoon), 0);
}

TEST_P(MountTest, UnmountsWhenStopped) {
  TestMount mount(io());
  EXPECT_EQ(list(mount.root()).size(), 10U);
  EXPECT_EQ(mount.ask("stop"), "ok");
  EXPECT_EQ(mount.daemon().wait(kSoon), 0);
  EXPECT_FALSE(mount_at(mount.root()));
}

TEST_P(MountTest, StopsAlthoughFilesAreOpenAndAReaderWaits) {
  TestMount mount(io());
  const UniqueFd open_file(::open((mount / "done").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(open_file.valid());
  ASSERT_EQ(mount.ask("hold /big"), "ok");
  ChildProcess reader({.argv = {"cat", mount / "big"}, .log_file = "/dev/null"});
  ASSERT_EQ(mount.ask("waiters 1"), "ok");
  EXPECT_EQ(mount.ask("stop"), "ok");
  EXPECT_EQ(mount.daemon().wait(kSoon), 0);
  EXPECT_EQ(reader.wait(kSoon), 1) << "an I/O error, not a wait without end";
  EXPECT_FALSE(mount_at(mount.root()));
  EXPECT_THAT(mount.daemon().log(), HasSubstr("is in use: detached"));
}

TEST_P(MountTest, SurvivesALazyUnmountUntilTheLastUserLeaves) {
  TestMount mount(io());
  UniqueFd file(::open((mount / "done").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::umount2(mount.root().c_str(), MNT_DETACH), 0);
  char byte = 0;
  EXPECT_EQ(::pread(file.get(), &byte, 1, 1 << 20), 1);
  EXPECT_TRUE(mount.daemon().running());
  file.reset();
  EXPECT_EQ(mount.daemon().wait(kSoon), 0);
}

TEST_P(MountTest, TakesADeadMountOfItsOwnAway) {
  TestMount mount(io());
  EXPECT_EQ(stat_of(mount / "small").st_size, 1'000);
  mount.daemon().kill();
  struct statvfs st {};
  ASSERT_EQ(::statvfs(mount.root().c_str(), &st), -1);
  ASSERT_EQ(errno, ENOTCONN);
  mount.start();
  EXPECT_EQ(stat_of(mount / "small").st_size, 1'000);
  EXPECT_EQ(mounts_below(mount.root()).size(), 1U) << "nothing is left below";
}

TEST(MountStartTest, LeavesALiveMountAlone) {
  TestMount mount("cached");
  const TempDir data;
  const auto second = run_daemon(mount.root(), data.path(), "cached");
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.output, HasSubstr("already shows http://origin/"));
  EXPECT_EQ(stat_of(mount / "small").st_size, 1'000);
}

TEST(MountStartTest, SaysWhyItCannotMount) {
  const TempDir dir;
  const std::string data = dir.make_dir("data");
  const auto said = [&](const std::string& mountpoint,
                        const std::vector<std::string>& options = {}) {
    ::unlink((data + "/socket").c_str());
    const auto result = run_daemon(mountpoint, data, "cached", options);
    EXPECT_EQ(result.status, 1);
    return result.output;
  };
  EXPECT_THAT(said(dir / "missing"), HasSubstr("does not exist; create it: mkdir -p"));
  EXPECT_THAT(said(dir.write("file", "x")), HasSubstr("is not a directory"));
  EXPECT_THAT(said(dir.path()), HasSubstr("lies below the mount point"));
  EXPECT_THAT(said(dir.make_dir("mnt"), {"big_writes"}), HasSubstr("unknown mount option"));
  ASSERT_EQ(::mount("tmpfs", (dir / "mnt").c_str(), "tmpfs", 0, nullptr), 0);
  EXPECT_THAT(said(dir / "mnt"), HasSubstr("tmpfs is mounted there"));
}

TEST(MountStartTest, MountsBehindASymbolicLink) {
  const TempDir dir;
  const std::string data = dir.make_dir("data"), real = dir.make_dir("real");
  ASSERT_EQ(::symlink(real.c_str(), (dir / "link").c_str()), 0);
  ChildProcess daemon(
      {.argv = {LAZYMIRROR_FUSE_TEST_DAEMON, dir / "link", data, data + "/socket", "cached"},
       .log_file = dir / "log"});
  // Not as soon as the mount is seen: unmounted before the handshake it is no success.
  EXPECT_TRUE(eventually([&] { return daemon.log().find("mounted\n") != std::string::npos; }))
      << daemon.log();
  EXPECT_TRUE(wait_for_mount(real, true, kSoon));
  EXPECT_EQ(run_command({"umount", real}).status, 0);
  EXPECT_EQ(daemon.wait(kSoon), 0);
}

}  // namespace
}  // namespace lazymirror::testing
