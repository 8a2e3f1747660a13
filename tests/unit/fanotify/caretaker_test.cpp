// SPDX-License-Identifier: Apache-2.0
//
// Caretaker and heir as processes, over what they say to each other: who is
// killed or stopped when, and who has it then. What is handed over is a toy.
#include "fanotify/caretaker.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <optional>

#include "fanotify/claims.h"
#include "fanotify/descriptor_message.h"
#include "fanotify/forked_child.h"
#include "fanotify/inherited_descriptors.h"
#include "support/temp_dir.h"

namespace lazymirror::fanotify {
namespace {

constexpr Duration kLimit{60'000};
constexpr Duration kLongPatience{600'000};

std::pair<UniqueFd, UniqueFd> make_line() {
  std::array<int, 2> ends{-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Estate toy_estate() {
  Estate estate;
  for (UniqueFd* one :
       {&estate.group, &estate.lock, &estate.door, &estate.space, &estate.directory}) {
    one->reset(::memfd_create("caretaker-test", MFD_CLOEXEC));
  }
  return estate;
}

UniqueFd take_sigterm() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

bool is_closed(int fd) {
  pollfd ready{fd, POLLIN, 0};
  return ::poll(&ready, 1, -1) == 1;
}

// What the processes tell the test, a letter each.
enum Report : char {
  kGuardStands = 'g',
  kGuardDenies = 'd',
  kHasAsked = 'a',
  kIsRefused = 'r',
  kIsOurs = 'o',
  kIsNotOurs = 'n',
};

// As the exit status.
enum Status : int { kFine = 0, kFailed = 1, kTakenOver = 10, kNobodyCame, kAnotherGuards };

std::string ended_with(int status) { return "ended with status " + std::to_string(status); }

class CaretakerTest : public ::testing::Test {
 protected:
  CaretakerTest() {
    (void)cache_.make_dir("meta");
    parts_.start_guard = [this] { return start_guard(); };
    parts_.estate = toy_estate;
    parts_.is_guarded = [this] { return is_guarded(); };
    parts_.patience = kLongPatience;
    std::tie(line_, caretakers_line_) = make_line();
    std::tie(reports_, to_report_) = make_line();
    std::tie(orders_, to_order_) = make_line();
  }

  // --- the processes ---

  void start_caretaker() {
    caretaker_ = start([&] {
      line_.reset();
      const UniqueFd signals = take_sigterm();
      Caretaker caretaker(std::move(caretakers_line_), signals, parts_);
      return kTakenOver + static_cast<int>(caretaker.run());
    });
    caretakers_line_.reset();
    EXPECT_EQ(next_report(), kGuardStands);
  }

  // A keeper, to its end.
  ForkedChild start_heir(const std::function<int(Heir&)>& body) {
    return start([&] {
      auto asked = Heir::ask(std::move(line_));
      if (!asked) return +kFailed;
      report(kHasAsked);
      return body(asked->first);
    });
  }

  // Guards when the caretaker is killed; says so.
  Result<WorkerProcess> start_guard() {
    auto ends = Channel::make_pair();
    auto child = ForkedChild::start([&] {
      close_all_but({ends->second.fd(), to_report_.get()});
      const auto claim = claim_guard(cache_.path());
      if (!claim) return +kFailed;
      report(kGuardStands);
      (void)is_closed(ends->second.fd());
      report(kGuardDenies);
      return +kFine;
    });
    if (!child) return fail(child.error());
    return WorkerProcess(std::move(ends->first), QuietServer(UniqueFd(), -1), std::move(*child));
  }

  // --- what they do ---

  void report(Report report) const { (void)!::write(to_report_.get(), &report, 1); }
  void wait_for_order() const {
    char order = 0;
    (void)!::read(orders_.get(), &order, 1);
  }
  [[nodiscard]] bool is_guarded() const {
    const auto claim = look_at_claim(guard_path(cache_.path()));
    return claim && claim->state != ClaimState::free;
  }
  [[nodiscard]] static int wait_to_be_killed() {
    for (;;) ::pause();
  }

  // --- what the test does ---

  void order() const { ASSERT_EQ(::write(to_order_.get(), "!", 1), 1); }
  [[nodiscard]] char next_report() const {
    char report = '-';
    pollfd ready{reports_.get(), POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(kLimit.count())) == 1) {
      (void)!::read(reports_.get(), &report, 1);
    }
    return report;
  }
  static std::string end_of(ForkedChild& child) {
    return child.wait(kLimit) ? child.reap() : "still runs";
  }
  void stop_caretaker() {
    caretaker_->signal(SIGSTOP);
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(caretaker_->pid()), &info, WSTOPPED), 0);
  }

  static ForkedChild start(const std::function<int()>& body) {
    auto child = ForkedChild::start(body);
    if (!child) throw std::runtime_error(child.error().message);
    return std::move(*child);
  }

  testing::TempDir cache_;
  Caretaker::Parts parts_;
  UniqueFd line_, caretakers_line_, reports_, to_report_, orders_, to_order_;
  std::optional<ForkedChild> caretaker_;
};

TEST_F(CaretakerTest, GivesAwayWhatIsClaimed) {
  start_caretaker();
  auto heir = start_heir([&](Heir& asked) { return asked.claim(kLimit) ? kFine : kFailed; });
  EXPECT_EQ(next_report(), kHasAsked);
  EXPECT_EQ(end_of(*caretaker_), ended_with(kTakenOver));
  EXPECT_EQ(end_of(heir), ended_with(kFine));
}

TEST_F(CaretakerTest, GoesOnWithAGuardWhenAKeeperHasOnlyAsked) {
  start_caretaker();
  auto heir = start_heir([](Heir&) { return kFine; });
  EXPECT_EQ(next_report(), kHasAsked);
  EXPECT_EQ(next_report(), kGuardStands);
  line_.reset();
  EXPECT_EQ(end_of(*caretaker_), ended_with(kNobodyCame));
}

// Keepers come and go, each in time: who waits for them waits no longer for that.
TEST_F(CaretakerTest, EndsAlsoIfKeepersAskAgainAndAgain) {
  parts_.patience = Duration{500};
  start_caretaker();
  const auto until = SteadyTime::clock::now() + kLimit;
  while (!caretaker_->wait(Duration{0}) && SteadyTime::clock::now() < until) {
    auto heir = start([&] { return Heir::ask(std::move(line_)) ? kFine : kFailed; });
    (void)end_of(heir);
  }
  EXPECT_TRUE(caretaker_->wait(Duration{0}));
  EXPECT_EQ(end_of(*caretaker_), ended_with(kNobodyCame));
}

TEST_F(CaretakerTest, TellsAKeeperThatIsNotReadyThatItGetsNothing) {
  parts_.ending = kLimit;
  start_caretaker();
  auto heir = start_heir([&](Heir& asked) {
    while (!asked.is_refused() && is_closed(asked.fd())) {
    }
    report(kIsRefused);
    return kFine;
  });
  EXPECT_EQ(next_report(), kHasAsked);
  caretaker_->signal(SIGTERM);
  EXPECT_EQ(next_report(), kIsRefused);
  EXPECT_EQ(end_of(heir), ended_with(kFine));
  EXPECT_EQ(end_of(*caretaker_), ended_with(kNobodyCame));
}

// Its worker is one that guards only when it has no keeper any more.
TEST_F(CaretakerTest, LeavesNothingToTheWorkerOfAKeeperThatLives) {
  parts_.is_guarded = [] { return true; };
  parts_.ending = Duration{200};
  start_caretaker();
  auto heir = start_heir([](Heir&) { return wait_to_be_killed(); });
  EXPECT_EQ(next_report(), kHasAsked);
  caretaker_->signal(SIGTERM);
  EXPECT_EQ(end_of(*caretaker_), ended_with(kAnotherGuards));
  EXPECT_EQ(end_of(heir), "was killed by signal 9");
}

TEST_F(CaretakerTest, LeavesAGuardIfItIsKilledBeforeAllIsHandedOver) {
  parts_.estate = []() -> Estate {
    ::raise(SIGKILL);
    return {};
  };
  start_caretaker();
  auto heir = start_heir([](Heir&) { return kFine; });
  EXPECT_EQ(next_report(), kGuardDenies);
  EXPECT_EQ(end_of(heir), ended_with(kFailed));
}

TEST_F(CaretakerTest, HasNoGuardAnyMoreWhenAllIsHandedOver) {
  start_caretaker();
  auto heir = start_heir([&](Heir&) { return is_guarded() ? kFailed : kFine; });
  EXPECT_EQ(next_report(), kHasAsked);
  EXPECT_EQ(end_of(heir), ended_with(kFine));
}

// The test is the caretaker, which is killed when its guard has gone.
TEST_F(CaretakerTest, KilledWhenAllIsHandedOverLeavesItToTheHeir) {
  auto heir = start_heir([](Heir& asked) {
    return asked.is_alone() && asked.fd() == -1 && asked.claim(kLimit) ? kFine : kFailed;
  });
  pollfd asked{caretakers_line_.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&asked, 1, static_cast<int>(kLimit.count())), 1);
  auto question = receive_with_descriptor(caretakers_line_.get());
  ASSERT_TRUE(question && question->fd.valid());
  ASSERT_TRUE(send_estate(question->fd.get(), toy_estate(), kLimit));
  question->fd.reset();
  EXPECT_EQ(next_report(), kHasAsked);
  EXPECT_EQ(end_of(heir), ended_with(kFine));
}

// The keeper is about to end, but still there to be told.
TEST_F(CaretakerTest, GivesNothingToAKeeperThatHasGivenUp) {
  parts_.ending = Duration{200};
  start_caretaker();
  auto heir = start_heir([&](Heir& asked) {
    wait_for_order();
    report(asked.claim(Duration{200}) ? kIsOurs : kIsNotOurs);
    return wait_to_be_killed();
  });
  EXPECT_EQ(next_report(), kHasAsked);
  stop_caretaker();
  order();
  EXPECT_EQ(next_report(), kIsNotOurs);
  caretaker_->signal(SIGCONT);
  EXPECT_EQ(next_report(), kGuardStands);
  line_.reset();
  EXPECT_EQ(end_of(*caretaker_), ended_with(kNobodyCame));
}

}  // namespace
}  // namespace lazymirror::fanotify
