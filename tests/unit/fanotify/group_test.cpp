// SPDX-License-Identifier: Apache-2.0
//
// Marks and answers, with programs of the system as readers: on a file system
// of its own, since who reads there waits for this test.
#include "fanotify/group.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "support/child_process.h"
#include "support/loop_fs.h"
#include "support/mounts.h"
#include "support/skip.h"

namespace lazymirror::fanotify {
namespace {

using std::chrono::seconds;
using testing::ChildProcess;
using testing::SmallFs;

class GroupTest : public ::testing::TestWithParam<SmallFs::Kind> {
 protected:
  void SetUp() override {
    LM_REQUIRE(SmallFs::available() && testing::enter_private_mounts(), "needs root for mounting");
    fs_ = std::make_unique<SmallFs>(GetParam(), 512u << 20);
    file_ = fs_->path() + "/file";
    directory_ = fs_->path() + "/directory";
    std::ofstream(file_) << std::string(64u << 10, 'x');
    std::filesystem::create_directory(directory_);
    auto group = Group::create(EventMode::pre_access);
    ASSERT_TRUE(group) << group.error().message;
    group_.emplace(std::move(*group));
    // Before any mark: these are never told.
    file_fd_.reset(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
    directory_fd_.reset(::open(directory_.c_str(), O_RDONLY | O_CLOEXEC));
  }

  // Reads one page; the message of the error is in its log.
  [[nodiscard]] std::unique_ptr<ChildProcess> reader(unsigned page = 0) const {
    return run({"dd", "if=" + file_, "of=/dev/null", "bs=4096", "count=1", "iflag=fullblock",
                "skip=" + std::to_string(page), "status=none"});
  }
  [[nodiscard]] std::unique_ptr<ChildProcess> lister() const { return run({"ls", directory_}); }

  [[nodiscard]] std::unique_ptr<ChildProcess> run(std::vector<std::string> argv) const {
    testing::ChildOptions options;
    options.argv = std::move(argv);
    options.log_file = logs_ / "log";
    options.environment = {"LC_ALL=C"};
    return std::make_unique<ChildProcess>(std::move(options));
  }

  // The next event; none when the program ends without one.
  [[nodiscard]] std::optional<Event> next(const ChildProcess& program) {
    for (;;) {
      std::array<pollfd, 2> waiting{pollfd{group_->fd(), POLLIN, 0},
                                    pollfd{program.pidfd(), POLLIN, 0}};
      if (::poll(waiting.data(), waiting.size(), 60'000) <= 0) return std::nullopt;
      auto read = group_->read(1);
      if (!read) return std::nullopt;
      if (!read->events.empty()) return std::move(read->events.front());
      if (waiting[1].revents != 0) return std::nullopt;
    }
  }

  // Whether the program was told of, and let go on.
  [[nodiscard]] bool is_told(const std::unique_ptr<ChildProcess>& program) {
    bool told = false;
    while (const auto event = next(*program)) {
      told = true;
      (void)group_->answer(event->fd.get(), 0);
    }
    EXPECT_EQ(program->wait(seconds(30)), 0) << program->log();
    return told;
  }

  testing::TempDir logs_;
  std::unique_ptr<SmallFs> fs_;
  std::string file_, directory_;
  UniqueFd file_fd_, directory_fd_;
  std::optional<Group> group_;
};

TEST_P(GroupTest, TellsReadsOfAGuardedFileSystemWithTheirRange) {
  ASSERT_TRUE(group_->guard_filesystem(directory_fd_.get(), false));
  const auto program = reader(4);
  const auto event = next(*program);
  ASSERT_TRUE(event) << program->log();
  EXPECT_EQ(event->kind, Event::Kind::read);
  EXPECT_EQ(event->offset, 4U * 4096);
  EXPECT_EQ(event->count, 4096U);
  EXPECT_EQ(event->pid, program->pid());
  EXPECT_TRUE(group_->answer(event->fd.get(), 0));
  EXPECT_EQ(program->wait(seconds(30)), 0);
}

TEST_P(GroupTest, TellsOpensAsWellWhenAskedTo) {
  ASSERT_TRUE(group_->guard_filesystem(directory_fd_.get(), true));
  const auto program = reader();
  auto event = next(*program);
  ASSERT_TRUE(event) << program->log();
  EXPECT_EQ(event->kind, Event::Kind::open);
  EXPECT_TRUE(group_->answer(event->fd.get(), 0));
  event = next(*program);
  ASSERT_TRUE(event) << program->log();
  EXPECT_EQ(event->kind, Event::Kind::read);
  EXPECT_TRUE(group_->answer(event->fd.get(), 0));
  EXPECT_EQ(program->wait(seconds(30)), 0);
}

TEST_P(GroupTest, GivesTheReaderTheErrorItIsTold) {
  ASSERT_TRUE(group_->guard_filesystem(directory_fd_.get(), false));
  struct {
    int error;
    const char* text;
  } const cases[] = {{EIO, "Input/output error"},       {ENOSPC, "No space left on device"},
                     {EDQUOT, "Disk quota exceeded"},   {EBUSY, "Device or resource busy"},
                     {ETIMEDOUT, "Input/output error"}, {EACCES, "Operation not permitted"}};
  for (const auto& [error, text] : cases) {
    const auto program = reader();
    const auto event = next(*program);
    ASSERT_TRUE(event);
    EXPECT_TRUE(group_->answer(event->fd.get(), error)) << error;
    EXPECT_EQ(program->wait(seconds(30)), 1);
    EXPECT_NE(program->log().find(text), std::string::npos) << program->log();
  }
}

TEST_P(GroupTest, TakesAnAnswerForAReaderThatWasKilledButOnlyOnce) {
  ASSERT_TRUE(group_->guard_filesystem(directory_fd_.get(), false));
  const auto program = reader();
  const auto event = next(*program);
  ASSERT_TRUE(event);
  program->kill();
  EXPECT_TRUE(group_->answer(event->fd.get(), 0));
  const auto again = group_->answer(event->fd.get(), 0);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::not_found);
}

TEST_P(GroupTest, DeniesByNumberWhatSomebodyElseHasRead) {
  ASSERT_TRUE(group_->guard_filesystem(directory_fd_.get(), false));
  const auto program = reader();
  const auto event = next(*program);
  ASSERT_TRUE(event);
  group_->deny_numbers_below(event->fd.get() + 1, EIO);
  EXPECT_EQ(program->wait(seconds(30)), 1);
  EXPECT_NE(program->log().find("Input/output error"), std::string::npos);
}

TEST_P(GroupTest, TellsReadsOfASingleGuardedFile) {
  ASSERT_TRUE(group_->guard_file(file_fd_.get()));
  EXPECT_TRUE(is_told(reader()));
  ASSERT_TRUE(group_->unguard_file(file_fd_.get()));
  EXPECT_FALSE(is_told(reader()));
  EXPECT_TRUE(group_->unguard_file(file_fd_.get())) << "once more is no error";
}

TEST_P(GroupTest, IsSilentAboutAnIgnoredFileUntilItIsHeeded) {
  ASSERT_TRUE(group_->guard_filesystem(directory_fd_.get(), true));
  EXPECT_TRUE(is_told(reader()));
  ASSERT_TRUE(group_->ignore_file(file_fd_.get()));
  EXPECT_FALSE(is_told(reader()));
  ASSERT_TRUE(group_->heed_file(file_fd_.get()));
  EXPECT_TRUE(is_told(reader()));
  EXPECT_TRUE(group_->heed_file(file_fd_.get())) << "once more is no error";
}

TEST_P(GroupTest, IgnoresAFileOnlyWhenItIsNotGuarded) {
  ASSERT_TRUE(group_->guard_file(file_fd_.get()));
  EXPECT_FALSE(group_->ignore_file(file_fd_.get()));
  ASSERT_TRUE(group_->unguard_file(file_fd_.get()));
  EXPECT_TRUE(group_->ignore_file(file_fd_.get()));
}

TEST_P(GroupTest, TellsOpensOfAGuardedDirectory) {
  ASSERT_TRUE(group_->guard_filesystem(directory_fd_.get(), true));
  EXPECT_FALSE(is_told(lister()));
  ASSERT_TRUE(group_->guard_directory(directory_fd_.get()));
  EXPECT_TRUE(is_told(lister()));
  ASSERT_TRUE(group_->unguard_directory(directory_fd_.get()));
  EXPECT_FALSE(is_told(lister()));
}

TEST_P(GroupTest, TellsOpensOfDirectoriesThroughAWatchedMountUnlessIgnored) {
  const UniqueFd root(::open(fs_->path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(group_->watch_directories_of_mount(root.get()));
  EXPECT_TRUE(is_told(lister()));
  EXPECT_FALSE(is_told(reader())) << "a file";
  ASSERT_TRUE(group_->ignore_directory(directory_fd_.get()));
  EXPECT_FALSE(is_told(lister()));
  // What is put into it meanwhile does not end that.
  std::ofstream(directory_ + "/new") << "x";
  EXPECT_FALSE(is_told(lister()));
  ASSERT_TRUE(group_->heed_directory(directory_fd_.get()));
  EXPECT_TRUE(is_told(lister()));
}

TEST_P(GroupTest, TellsOpensOfFilesThroughAWatchedMountWhenAskedTo) {
  const UniqueFd root(::open(fs_->path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(group_->watch_directories_of_mount(root.get(), true));
  EXPECT_TRUE(is_told(reader()));
  EXPECT_TRUE(is_told(lister()));
}

TEST_P(GroupTest, StillTellsReadsThroughAWatchedMount) {
  const UniqueFd root(::open(fs_->path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(group_->guard_filesystem(directory_fd_.get(), false));
  ASSERT_TRUE(group_->watch_directories_of_mount(root.get()));
  EXPECT_TRUE(is_told(reader()));
}

TEST_P(GroupTest, IsSilentAboutAnIgnoredMount) {
  const UniqueFd tree(::open_tree(AT_FDCWD, fs_->path().c_str(),
                                  OPEN_TREE_CLONE | static_cast<unsigned>(OPEN_TREE_CLOEXEC)));
  ASSERT_TRUE(tree.valid());
  ASSERT_TRUE(group_->guard_filesystem(directory_fd_.get(), true));
  ASSERT_TRUE(group_->guard_directory(directory_fd_.get()));
  ASSERT_TRUE(group_->ignore_mount(tree.get()));
  // Would wait for itself otherwise.
  const UniqueFd file(::openat(tree.get(), "file", O_RDWR | O_CLOEXEC));
  char byte = 0;
  EXPECT_EQ(::pread(file.get(), &byte, 1, 0), 1);
  EXPECT_EQ(::ftruncate(file.get(), 4096), 0);
  const UniqueFd directory(::openat(tree.get(), "directory", O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(directory.valid());
  EXPECT_TRUE(is_told(reader()));
  EXPECT_TRUE(is_told(lister()));
}

TEST_P(GroupTest, WaitsForMarksToBeInForce) { EXPECT_TRUE(Group::settle(file_fd_.get())); }

std::string name_of(const ::testing::TestParamInfo<SmallFs::Kind>& kind) {
  if (kind.param == SmallFs::Kind::ext4) return "Ext4";
  return kind.param == SmallFs::Kind::xfs ? "Xfs" : "Btrfs";
}

INSTANTIATE_TEST_SUITE_P(On, GroupTest,
                         ::testing::Values(SmallFs::Kind::ext4, SmallFs::Kind::xfs,
                                           SmallFs::Kind::btrfs),
                         name_of);

class GroupWithoutRanges : public ::testing::Test {
 protected:
  void SetUp() override {
    LM_REQUIRE(SmallFs::available() && testing::enter_private_mounts(), "needs root for mounting");
    fs_.emplace(SmallFs::Kind::ext4, 64u << 20);
    file_ = fs_->path() + "/file";
    std::ofstream(file_) << "text";
    const UniqueFd before(::open(file_.c_str(), O_RDONLY | O_CLOEXEC));
    auto group = Group::create(EventMode::access_perm);
    ASSERT_TRUE(group);
    group_.emplace(std::move(*group));
    ASSERT_TRUE(group_->guard_filesystem(before.get(), true));
  }

  // What a program causes until it has ended; all of it is allowed.
  std::vector<Event::Kind> caused_by(ChildProcess program) {
    std::vector<Event::Kind> kinds;
    for (bool ended = false; !ended;) {
      std::array<pollfd, 2> waiting{pollfd{group_->fd(), POLLIN, 0},
                                    pollfd{program.pidfd(), POLLIN, 0}};
      if (::poll(waiting.data(), waiting.size(), 60'000) <= 0) break;
      ended = waiting[1].revents != 0;
      const auto read = group_->read();
      if (!read) break;
      for (const Event& event : read->events) {
        EXPECT_FALSE(event.offset);
        kinds.push_back(event.kind);
        EXPECT_TRUE(group_->answer(event.fd.get(), 0));
      }
    }
    EXPECT_EQ(program.wait(seconds(10)), 0);
    return kinds;
  }

  std::optional<SmallFs> fs_;
  std::string file_;
  std::optional<Group> group_;
};

TEST_F(GroupWithoutRanges, TellsReadsAndOpensAsOlderKernelsDo) {
  EXPECT_THAT(caused_by(ChildProcess({.argv = {"head", "-c", "1", file_}})),
              ::testing::ElementsAre(Event::Kind::open, Event::Kind::access));
}

// So a file has to be complete before its open ends.
TEST_F(GroupWithoutRanges, TellsNothingOfAMappingAndOfWhatIsReadFromIt) {
  const std::string map =
      "import mmap, os, sys; fd = os.open(sys.argv[1], os.O_RDONLY); "
      "sys.exit(mmap.mmap(fd, 0, prot=mmap.PROT_READ)[:] != b'text')";
  EXPECT_THAT(caused_by(ChildProcess({.argv = {"python3", "-c", map, file_}})),
              ::testing::ElementsAre(Event::Kind::open));
}

}  // namespace
}  // namespace lazymirror::fanotify
