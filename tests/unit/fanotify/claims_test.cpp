// SPDX-License-Identifier: Apache-2.0
#include "fanotify/claims.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <poll.h>

#include <filesystem>

#include "fanotify/forked_child.h"
#include "support/skip.h"
#include "support/temp_dir.h"
#include "support/waiting.h"

namespace lazymirror::fanotify {
namespace {

using testing::TempDir;

class ClaimsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LM_REQUIRE(::geteuid() == 0, "needs root to look into other processes");
    directory_.make_dir("meta");
    path_ = guard_path(directory_.path());
  }

  // A process that holds the claim until it is told to end.
  [[nodiscard]] ForkedChild holder() const {
    auto child = ForkedChild::start([this] {
      const auto guard = claim_guard(directory_.path());
      while (guard) ::pause();
      return 1;
    });
    if (!child) throw std::runtime_error(child.error().message);
    return std::move(*child);
  }

  [[nodiscard]] bool comes_to(ClaimState state) const {
    return testing::eventually([&] {
      const auto claim = look_at_claim(path_);
      return claim && claim->state == state;
    });
  }

  TempDir directory_;
  std::string path_;
};

TEST_F(ClaimsTest, AreFreeWhenNobodyHoldsThem) {
  EXPECT_EQ(look_at_claim(path_)->state, ClaimState::free);
  directory_.write("meta/guard", std::to_string(::getpid()) + "\n");
  EXPECT_EQ(look_at_claim(path_)->state, ClaimState::free) << "the number alone is not believed";
}

TEST_F(ClaimsTest, NameTheirHolderAndEndIt) {
  ForkedChild child = holder();
  ASSERT_TRUE(comes_to(ClaimState::held));
  const auto claim = look_at_claim(path_);
  ASSERT_EQ(claim->claimant.pid, child.pid());
  EXPECT_TRUE(end_claimant(claim->claimant, Duration{30'000}));
  EXPECT_EQ(look_at_claim(path_)->state, ClaimState::free);
}

TEST_F(ClaimsTest, AreNotBelievedToBeTheProcessThatGotTheNumberLater) {
  const UniqueFd lock(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  auto innocent = ForkedChild::start([] {
    ::close_range(3, ~0U, 0);
    return ::pause();
  });
  ASSERT_TRUE(innocent);
  const std::string text = std::to_string(innocent->pid()) + "\n";
  ASSERT_EQ(::pwrite(lock.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  EXPECT_TRUE(comes_to(ClaimState::inherited));
}

TEST_F(ClaimsTest, AreRefusedToASecondProcess) {
  const auto mine = claim_guard(directory_.path());
  ASSERT_TRUE(mine);
  EXPECT_FALSE(claim_guard(directory_.path()));
}

TEST_F(ClaimsTest, GiveUpOnAHolderThatDoesNotListenButCanKillIt) {
  auto child = ForkedChild::start([this] {
    ::signal(SIGTERM, SIG_IGN);
    const auto guard = claim_guard(directory_.path());
    while (guard) ::pause();
    return 1;
  });
  ASSERT_TRUE(child);
  ASSERT_TRUE(comes_to(ClaimState::held));
  const auto claim = look_at_claim(path_);
  EXPECT_FALSE(end_claimant(claim->claimant, Duration{300}));
  EXPECT_TRUE(kill_claimant(claim->claimant, Duration{30'000}));
  EXPECT_EQ(child->reap(), "was killed by signal 9");
}

TEST(AForkedChild, TellsHowItEnded) {
  auto child = ForkedChild::start([] { return 7; });
  ASSERT_TRUE(child);
  EXPECT_TRUE(child->wait(Duration{30'000}));
  EXPECT_EQ(child->reap(), "ended with status 7");
  auto throwing = ForkedChild::start([]() -> int { throw 1; });
  ASSERT_TRUE(throwing);
  EXPECT_EQ(throwing->reap(), "ended with status 70");
}

TEST(AForkedChild, DoesNotOutliveItsObject) {
  pid_t pid = 0;
  {
    auto child = ForkedChild::start([] { return ::pause(); });
    ASSERT_TRUE(child);
    pid = child->pid();
  }
  EXPECT_NE(::kill(pid, 0), 0);
}

}  // namespace
}  // namespace lazymirror::fanotify
