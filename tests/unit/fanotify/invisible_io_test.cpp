// SPDX-License-Identifier: Apache-2.0
#include "fanotify/invisible_io.h"

#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fanotify/group.h"
#include "fanotify/mount_calls.h"
#include "support/mounts.h"
#include "support/skip.h"
#include "support/waiting.h"
#include "unit/fanotify/trapped_tree.h"

namespace lazymirror::fanotify {
namespace {

using testing::SmallFs;

struct Times {
  std::int64_t mtime, ctime;
  friend bool operator==(const Times&, const Times&) = default;
};

std::int64_t nanoseconds(const timespec& time) {
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

class InvisibleIoTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LM_REQUIRE(SmallFs::available(), "mounting needs root");
    static const bool is_private = testing::enter_private_mounts();
    LM_REQUIRE(is_private, "needs a mount namespace of its own");
  }
  // A file of 64 KiB, and what is needed to open it invisibly.
  void make(SmallFs::Kind kind) {
    fs_.emplace(kind, 320u << 20);
    std::ofstream(path()) << std::string(65536, 'P');
    directory_.reset(::open(fs_->path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    file_.reset(::open(path().c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::fsync(file_.get()), 0);
    testing::let_pass(std::chrono::milliseconds(20));  // the clock of times is coarse
  }
  [[nodiscard]] std::string path() const { return fs_->path() + "/file"; }
  [[nodiscard]] Times times() const {
    struct stat info {};
    EXPECT_EQ(::fstat(file_.get(), &info), 0);
    return {nanoseconds(info.st_mtim), nanoseconds(info.st_ctim)};
  }

  std::optional<SmallFs> fs_;
  UniqueFd directory_, file_;
};

TEST_F(InvisibleIoTest, FillingMovesNoTimes) {
  make(SmallFs::Kind::xfs);
  const Times before = times();
  auto fd = open_invisibly(directory_.get(), file_.get());
  ASSERT_TRUE(fd) << fd.error().message;
  ASSERT_EQ(::pwrite(fd->get(), "data", 4, 4096), 4);
  ASSERT_EQ(::fdatasync(fd->get()), 0);
  ASSERT_EQ(::fallocate(fd->get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192, 4096), 0);
  void* map = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd->get(), 12288);
  ASSERT_NE(map, MAP_FAILED);
  static_cast<char*>(map)[0] = 'm';
  ASSERT_EQ(::munmap(map, 4096), 0);
  EXPECT_EQ(times(), before);
  const std::string text = testing::slurp(path());
  EXPECT_EQ(text.substr(4096, 5), "dataP");
  EXPECT_EQ(text[8192], '\0');
  EXPECT_EQ(text[12288], 'm');
  // The same through an ordinary descriptor, or this test tests nothing.
  const UniqueFd ordinary(::open(path().c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::pwrite(ordinary.get(), "data", 4, 4096), 4);
  EXPECT_NE(times(), before);
}

TEST_F(InvisibleIoTest, CloningOfAPoisonTemplateMovesNoTimes) {
  make(SmallFs::Kind::xfs);
  std::ofstream(fs_->path() + "/template") << std::string(65536, 'T');
  const UniqueFd poison(::open((fs_->path() + "/template").c_str(), O_RDONLY | O_CLOEXEC));
  const Times before = times();
  auto fd = open_invisibly(directory_.get(), file_.get());
  ASSERT_TRUE(fd) << fd.error().message;
  file_clone_range range{poison.get(), 0, 65536, 0};
  ASSERT_EQ(::ioctl(fd->get(), FICLONERANGE, &range), 0);
  EXPECT_EQ(times(), before);
  EXPECT_EQ(testing::slurp(path()), std::string(65536, 'T'));
}

TEST_F(InvisibleIoTest, DescriptorWorksInAProcessWithoutPrivilege) {
  make(SmallFs::Kind::xfs);
  const Times before = times();
  auto fd = open_invisibly(directory_.get(), file_.get());
  ASSERT_TRUE(fd) << fd.error().message;
  Walker nobody([&] {
    if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) return 1;
    return ::pwrite(fd->get(), "data", 4, 0) == 4 ? 0 : errno;
  });
  EXPECT_EQ(nobody.wait(), 0);
  EXPECT_EQ(times(), before);
  EXPECT_EQ(testing::slurp(path()).substr(0, 5), "dataP");
}

TEST_F(InvisibleIoTest, IsSilentThroughAnIgnoredMount) {
  make(SmallFs::Kind::xfs);
  auto work = clone_mount(directory_.get(), 0);
  ASSERT_TRUE(work);
  auto group = Group::create(EventMode::pre_access);
  if (!group) LM_REQUIRE(false, group.error().message);
  ASSERT_TRUE(group->ignore_mount(work->get()));
  ASSERT_TRUE(group->guard_filesystem(directory_.get(), true));
  Walker walker([&] {
    const UniqueFd directory(::openat(work->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    auto fd = open_invisibly(directory.get(), file_.get());
    if (!fd) return EBADF;
    return ::pwrite(fd->get(), "data", 4, 0) == 4 ? 0 : errno;
  });
  const bool ended = testing::eventually([&] {
    const auto events = group->read();
    EXPECT_TRUE(events && events->events.empty());
    return walker.poll() == std::optional<int>(0);
  });
  EXPECT_TRUE(ended);
}

TEST_F(InvisibleIoTest, OtherFileSystemsAreRefused) {
  make(SmallFs::Kind::ext4);
  const auto fd = open_invisibly(directory_.get(), file_.get());
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().code, Errc::unsupported);
}

TEST_F(InvisibleIoTest, OnlyRegularFiles) {
  make(SmallFs::Kind::xfs);
  const auto fd = open_invisibly(directory_.get(), directory_.get());
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().code, Errc::invalid);
}

}  // namespace
}  // namespace lazymirror::fanotify
