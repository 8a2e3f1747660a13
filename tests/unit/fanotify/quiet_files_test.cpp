// SPDX-License-Identifier: Apache-2.0
//
// The worker gets files of its cache opened for it, and no others.
#include "fanotify/quiet_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>

#include "support/loop_fs.h"
#include "support/mounts.h"
#include "support/skip.h"

namespace lazymirror::fanotify {
namespace {

using testing::SmallFs;

class QuietFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LM_REQUIRE(SmallFs::available(), "needs root");
    fs_ = std::make_unique<SmallFs>(SmallFs::Kind::xfs, 320u << 20);
    directory_ = UniqueFd(::open(fs_->path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }

  [[nodiscard]] UniqueFd file(const std::string& name, bool stamped) const {
    const std::string path = fs_->path() + "/" + name;
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (stamped) {
      EXPECT_EQ(::fsetxattr(fd.get(), "user.lazymirror.id", "1:1:a:1", 7, 0), 0);
    }
    return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }

  // Asks as the worker does, answered as the keeper does.
  [[nodiscard]] Result<UniqueFd> ask(int fd) const {
    auto ends = make_quiet_pair();
    QuietServer server(std::move(ends->first), directory_.get());
    QuietOpener opener(std::move(ends->second));
    Result<UniqueFd> answer = fail(Errc::internal, "not asked");
    std::thread worker([&] { answer = opener.open(fd); });
    pollfd question{server.fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&question, 1, 60'000), 1);
    server.serve();
    worker.join();
    return answer;
  }

  std::unique_ptr<SmallFs> fs_;
  UniqueFd directory_;
};

TEST_F(QuietFilesTest, OfTheCacheAreOpenedForWritesThatMoveNoTimes) {
  const UniqueFd fd = file("stamped", true);
  const auto quiet = ask(fd.get());
  ASSERT_TRUE(quiet) << quiet.error().message;
  struct stat before {
  }, after{};
  ASSERT_EQ(::fstat(fd.get(), &before), 0);
  ASSERT_EQ(::pwrite(quiet->get(), "x", 1, 0), 1);
  ASSERT_EQ(::fstat(fd.get(), &after), 0);
  EXPECT_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

// As the worker evicts it.
TEST_F(QuietFilesTest, CanBeLeasedAtOnce) {
  auto ends = make_quiet_pair();
  QuietServer server(std::move(ends->first), directory_.get());
  QuietOpener opener(std::move(ends->second));
  std::atomic<bool> done{false};
  std::thread keeper([&] {
    pollfd question{server.fd(), POLLIN, 0};
    while (!done) {
      if (::poll(&question, 1, 10) == 1) server.serve();
    }
  });
  for (int i = 0; i < 200; ++i) {
    auto quiet = opener.open(file("f" + std::to_string(i), true).get());
    EXPECT_TRUE(quiet && ::fcntl(quiet->get(), F_SETLEASE, F_WRLCK) == 0);
  }
  done = true;
  keeper.join();
}

TEST_F(QuietFilesTest, AreNotWaitedForOnceTheWorkerAsksNoMore) {
  auto ends = make_quiet_pair();
  QuietServer server(std::move(ends->first), directory_.get());
  server.serve();
  EXPECT_NE(server.fd(), -1);
  ends->second.reset();
  server.serve();
  EXPECT_EQ(server.fd(), -1) << "poll(2) would wake the keeper for ever";
}

TEST_F(QuietFilesTest, OfOthersAreRefused) {
  const auto quiet = ask(file("foreign", false).get());
  ASSERT_FALSE(quiet);
  EXPECT_EQ(quiet.error().os_errno, EPERM);
}

TEST_F(QuietFilesTest, AreNoDirectories) { EXPECT_FALSE(ask(directory_.get())); }

}  // namespace
}  // namespace lazymirror::fanotify
