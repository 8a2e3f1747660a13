// SPDX-License-Identifier: Apache-2.0
#include "fanotify/known_process.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <stdexcept>

#include "fanotify/forked_child.h"
#include "support/skip.h"
#include "support/temp_dir.h"

namespace lazymirror::fanotify {
namespace {

constexpr Duration kLimit{60'000};

class KnownProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LM_REQUIRE(::geteuid() == 0, "needs root to look into other processes");
    ASSERT_EQ(::pipe(told_.data()), 0);
  }
  void TearDown() override {
    for (const int fd : told_) ::close(fd);
  }

  // A process that has the role and hears SIGTERM only in `when_told`.
  ForkedChild start(const std::function<void(UniqueFd role)>& when_told) {
    auto child = ForkedChild::start([&] {
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGTERM);
      ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
      auto role = take_role(Role::caretaker, cache_.path());
      if (!role || ::write(told_[1], "!", 1) != 1) return 1;
      int signal = 0;
      ::sigwait(&set, &signal);
      when_told(std::move(*role));
      return 0;
    });
    if (!child) throw std::runtime_error(child.error().message);
    pollfd has_role{told_[0], POLLIN, 0};
    EXPECT_EQ(::poll(&has_role, 1, static_cast<int>(kLimit.count())), 1);
    return std::move(*child);
  }
  unsigned end_all_in(Duration limit) { return end_all(Role::caretaker, cache_.path(), limit); }
  [[noreturn]] static void go_on() {
    for (;;) ::pause();
  }

  testing::TempDir cache_;
  std::array<int, 2> told_{-1, -1};
};

TEST_F(KnownProcessTest, IsToldToEndAndWaitedFor) {
  auto child = start([](const UniqueFd&) {});
  EXPECT_EQ(end_all_in(kLimit), 1u);
  EXPECT_EQ(child.reap(), "ended with status 0");
  EXPECT_EQ(end_all_in(kLimit), 0u);
}

TEST_F(KnownProcessTest, IsKilledAtTheLimit) {
  auto child = start([](const UniqueFd&) { go_on(); });
  EXPECT_EQ(end_all_in(Duration{100}), 1u);
  EXPECT_EQ(child.reap(), "was killed by signal 9");
}

// As a caretaker that has just given everything away, and is the usher.
TEST_F(KnownProcessTest, IsLeftAloneOnceItPlaysAnotherPart) {
  auto child = start([](UniqueFd role) {
    role.reset();
    go_on();
  });
  EXPECT_EQ(end_all_in(kLimit), 1u);
  EXPECT_FALSE(child.wait(Duration{0}));
}

}  // namespace
}  // namespace lazymirror::fanotify
