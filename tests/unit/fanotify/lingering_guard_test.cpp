// SPDX-License-Identifier: Apache-2.0
//
// What is left of a watch that has ended, as long as somebody uses its tree.
#include "fanotify/lingering_guard.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "fanotify/forked_child.h"
#include "support/loop_fs.h"
#include "support/mounts.h"
#include "support/skip.h"
#include "support/waiting.h"

namespace lazymirror::fanotify {
namespace {

using testing::SmallFs;

constexpr Duration kLimit{30'000};

// The guards of a cache, by the memfd that each of them holds.
std::set<pid_t> guards_of(const std::string& cache) {
  namespace fs = std::filesystem;
  struct stat info {};
  EXPECT_EQ(::stat(cache.c_str(), &info), 0);
  const std::string name = "/memfd:lazymirror-guard-" + std::to_string(info.st_dev) + "-" +
                           std::to_string(info.st_ino) + " (deleted)";
  std::set<pid_t> found;
  for (const auto& process : fs::directory_iterator("/proc")) {
    std::error_code error;
    for (fs::directory_iterator file(process.path() / "fd", error), end; !error && file != end;
         file.increment(error)) {
      std::error_code gone;
      if (fs::read_symlink(file->path(), gone) == name) {
        found.insert(std::stoi(process.path().filename()));
      }
    }
  }
  return found;
}

class LingeringGuardTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LM_REQUIRE(SmallFs::available(), "mounting needs root");
    LM_REQUIRE(testing::enter_private_mounts(), "needs a mount namespace of its own");
    fs_.emplace(SmallFs::Kind::ext4, 64u << 20);
    for (const std::string& directory : {cache(), data(), view(), cache() + "-other"}) {
      ASSERT_EQ(::mkdir(directory.c_str(), 0755), 0);
    }
    std::ofstream(data() + "/file") << "placeholder";
    ASSERT_EQ(::mount(data().c_str(), view().c_str(), nullptr, MS_BIND, nullptr), 0);
    shown_ = true;
  }
  void TearDown() override {
    used_.reset();
    hide();
    EXPECT_TRUE(!fs_ || has_ended()) << "a guard is left";
  }

  [[nodiscard]] std::string cache() const { return fs_->path() + "/cache"; }
  [[nodiscard]] std::string data() const { return cache() + "/data"; }
  [[nodiscard]] std::string view() const { return cache() + "/view"; }
  void hide() {
    if (std::exchange(shown_, false)) ::umount2(view().c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool has_ended() const {
    return testing::eventually([&] { return guards_of(cache()).empty(); });
  }

  // A watch that ends once the tree is in use, or with nobody using it.
  void end_a_watch(bool in_use) {
    auto group = Group::create(EventMode::pre_access);
    ASSERT_TRUE(group) << group.error().message;
    UniqueFd root(::open(view().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto guarded = group->guard_filesystem(root.get(), false);
    LM_REQUIRE(guarded, "needs Linux 6.14: " + guarded.error().message);
    ASSERT_TRUE(group->watch_directories_of_mount(root.get()));
    ASSERT_TRUE(Group::settle(root.get()));
    if (in_use) used_ = UniqueFd(::open((view() + "/file").c_str(), O_RDONLY | O_CLOEXEC));
    root.reset();
    hide();
    auto watch = ForkedChild::start([&] {
      if (in_use) ::close(used_.get());
      return leave_guard(*group, cache()) ? 0 : 1;
    });
    ASSERT_TRUE(watch);
    ASSERT_TRUE(watch->wait(kLimit));
    EXPECT_EQ(watch->reap(), "ended with status 0");
  }
  [[nodiscard]] static int read_error(const UniqueFd& fd) {
    char byte = 0;
    return ::pread(fd.get(), &byte, 1, 0) == 1 ? 0 : errno;
  }

  UniqueFd used_;

 private:
  std::optional<SmallFs> fs_;
  bool shown_ = false;
};

TEST_F(LingeringGuardTest, NothingIsLeftWhenNobodyUsesTheTree) {
  end_a_watch(false);
  EXPECT_TRUE(guards_of(cache()).empty());
}

TEST_F(LingeringGuardTest, WhatIsReadOfTheTreeIsDeniedUntilItIsClosed) {
  end_a_watch(true);
  EXPECT_EQ(guards_of(cache()).size(), 1u);
  EXPECT_EQ(read_error(used_), EIO);
  EXPECT_EQ(read_error(used_), EIO);
  used_.reset();
  EXPECT_TRUE(has_ended());
}

TEST_F(LingeringGuardTest, WhatIsReadElsewhereOnTheFileSystemIsAllowed) {
  end_a_watch(true);
  const UniqueFd elsewhere(::open((data() + "/file").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(read_error(elsewhere), 0);
  EXPECT_EQ(read_error(used_), EIO);
}

TEST_F(LingeringGuardTest, TheNextWatchRelievesIt) {
  end_a_watch(true);
  relieve_lingering_guards(cache() + "-other");
  EXPECT_EQ(read_error(used_), EIO) << "that was another cache's";
  relieve_lingering_guards(cache());
  EXPECT_TRUE(has_ended());
  EXPECT_EQ(read_error(used_), 0) << "nobody else guards here";
}

TEST_F(LingeringGuardTest, ItHoldsNoPrivilegeAndNothingOfTheFileSystem) {
  end_a_watch(true);
  const auto guards = guards_of(cache());
  ASSERT_EQ(guards.size(), 1u);
  const std::string proc = "/proc/" + std::to_string(*guards.begin());
  EXPECT_TRUE(testing::eventually([&] {
    std::ifstream status(proc + "/status");
    std::string text((std::istreambuf_iterator<char>(status)), {});
    return text.find("CapEff:\t0000000000000000") != std::string::npos &&
           text.find("Seccomp:\t2") != std::string::npos;
  }));
  // It opens and closes descriptors meanwhile.
  std::error_code error;
  for (std::filesystem::directory_iterator file(proc + "/fd", error), end; !error && file != end;
       file.increment(error)) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(file->path(), gone);
    EXPECT_FALSE(target.starts_with(cache())) << target;
  }
  EXPECT_FALSE(error) << error.message();
}

}  // namespace
}  // namespace lazymirror::fanotify
