// SPDX-License-Identifier: Apache-2.0
//
// Opens that wait while a file is held, with programs of the system: on a file
// system of its own, since who opens there may wait for this test.
#include "fanotify/open_holds.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mount.h>

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

class OpenHoldsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LM_REQUIRE(SmallFs::available() && testing::enter_private_mounts(), "needs root for mounting");
    fs_.emplace(SmallFs::Kind::xfs, 512u << 20);
    for (const char* name : {"file", "other"}) std::ofstream(at(name)) << "text";
    tree_.reset(::open_tree(AT_FDCWD, fs_->path().c_str(),
                            OPEN_TREE_CLONE | static_cast<unsigned>(OPEN_TREE_CLOEXEC)));
    file_.reset(::openat(tree_.get(), "file", O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file_.valid());
    auto group = OpenHolds::make_group(tree_.get());
    ASSERT_TRUE(group) << group.error().message;
    copy_.emplace(UniqueFd(::fcntl(group->fd(), F_DUPFD_CLOEXEC, 0)), group->mode());
    auto holds = OpenHolds::start(std::move(*group));
    ASSERT_TRUE(holds) << holds.error().message;
    holds_ = std::move(*holds);
  }

  [[nodiscard]] std::string at(const std::string& name) const { return fs_->path() + '/' + name; }
  [[nodiscard]] std::unique_ptr<ChildProcess> opener(const std::string& name) const {
    testing::ChildOptions options;
    options.argv = {"dd", "if=" + at(name), "of=/dev/null", "iflag=nonblock", "status=none"};
    options.log_file = logs_ / "log";
    return std::make_unique<ChildProcess>(std::move(options));
  }
  // An event waits to be read.
  [[nodiscard]] static bool is_waited_for(const Group& group) {
    pollfd told{group.fd(), POLLIN, 0};
    return ::poll(&told, 1, 60'000) == 1;
  }
  [[nodiscard]] static bool has_ended(const ChildProcess& program) {
    pollfd ended{program.pidfd(), POLLIN, 0};
    return ::poll(&ended, 1, 0) == 1;
  }

  testing::TempDir logs_;
  std::optional<SmallFs> fs_;
  UniqueFd tree_, file_;
  std::optional<Group> copy_;
  std::shared_ptr<OpenHolds> holds_;
};

TEST_F(OpenHoldsTest, WhoOpensTheFileWaitsForTheEnd) {
  auto hold = holds_->begin(file_.get());
  const auto program = opener("file");
  ASSERT_TRUE(is_waited_for(*copy_)) << program->log();
  EXPECT_EQ(opener("other")->wait(seconds(30)), 0) << "only that file is held";
  EXPECT_TRUE(UniqueFd(::openat(tree_.get(), "file", O_RDONLY | O_CLOEXEC)).valid());
  EXPECT_FALSE(has_ended(*program));
  hold.reset();
  EXPECT_EQ(program->wait(seconds(30)), 0) << program->log();
  EXPECT_EQ(opener("file")->wait(seconds(30)), 0);
}

TEST_F(OpenHoldsTest, OneFileIsHeldAfterTheOther) {
  for (int round = 0; round < 20; ++round) {
    auto hold = holds_->begin(file_.get());
    const auto program = opener("file");
    ASSERT_TRUE(is_waited_for(*copy_)) << program->log();
    hold.reset();
    hold = holds_->begin(file_.get());
    EXPECT_EQ(program->wait(seconds(30)), 0) << "it has waited for the first";
  }
}

// As if the event had been on its way when the mark was taken away.
TEST_F(OpenHoldsTest, WhoIsTooLateForTheEndIsLetGo) {
  ASSERT_TRUE(copy_->guard_opens(file_.get()));
  EXPECT_EQ(opener("file")->wait(seconds(30)), 0);
}

TEST_F(OpenHoldsTest, NobodyWaitsForAWorkerThatIsGone) {
  copy_.reset();
  auto group = OpenHolds::make_group(tree_.get());
  ASSERT_TRUE(group);
  ASSERT_TRUE(group->guard_opens(file_.get()));
  const auto program = opener("file");
  ASSERT_TRUE(is_waited_for(*group)) << program->log();
  EXPECT_FALSE(has_ended(*program));
  group->close();
  EXPECT_EQ(program->wait(seconds(30)), 0) << program->log();
}

}  // namespace
}  // namespace lazymirror::fanotify
