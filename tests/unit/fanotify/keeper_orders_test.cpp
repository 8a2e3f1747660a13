// SPDX-License-Identifier: Apache-2.0
//
// A keeper whose worker does not read what it is told: orders for traps wait for
// that, and so does who may go on only after them. The worker is the test's; the
// keeper, the kernel, a view with traps and those who walk there are real.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <deque>
#include <future>
#include <thread>

#include "base/file_io.h"
#include "base/guarded.h"
#include "fanotify/keeper.h"
#include "support/mounts.h"
#include "support/skip.h"
#include "support/waiting.h"
#include "unit/fanotify/trapped_tree.h"

namespace lazymirror::fanotify {
namespace {

using testing::eventually;
using testing::SmallFs;

constexpr std::uint64_t kTrap = 7;
constexpr int kReaders = 16;  // more than the channel has room for
constexpr unsigned kLongestLife = 120;

// The worker's end of a channel, with a process that is taken for it.
struct Line {
  Channel channel;
  UniqueFd keepers_end;
  pid_t pid = 0;
};

class KeeperOrdersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LM_REQUIRE(SmallFs::available(), "mounting needs root");
    LM_REQUIRE(::access("/dev/autofs", F_OK) == 0, "the kernel has no autofs");
    static const bool is_private = testing::enter_private_mounts();
    LM_REQUIRE(is_private, "needs a mount namespace of its own");
    times_.grace = Duration{500};
    times_.health.patience = times_.health.ping = Duration{600'000};
    make_tree();
  }
  void TearDown() override { stop(); }

  // A directory "d" with a file "f" that is not filled and a directory "c" that is not populated.
  void make_tree() {
    tree_.emplace();
    for (const char* name : {"d", "d/c"}) tree_->make_directory(name);
    tree_->make_file("d/f");
    auto group = Group::create(EventMode::pre_access);
    LM_REQUIRE(group, group.error().message);
    group_.emplace(std::move(*group));
    const auto directory = open_fd(AT_FDCWD, tree_->below("d"), O_RDONLY | O_DIRECTORY);
    const auto file = open_fd(AT_FDCWD, tree_->below("d/f"), O_RDONLY);
    ASSERT_TRUE(directory && file);
    ASSERT_TRUE(group_->guard_directory(directory->get()));
    const auto guarded = group_->guard_file(file->get());
    LM_REQUIRE(guarded, "needs Linux 6.14: " + guarded.error().message);
  }

  void start() {
    run_keeper();
    take_worker();
    say(ToKeeper::Kind::ready, 0, 0);
    ASSERT_EQ(opened_.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  }

  // Asked twice, it does not wait for its worker.
  void stop() {
    if (!keeper_.joinable()) return;
    signalfd_siginfo asked{};
    asked.ssi_signo = SIGTERM;
    for (int i = 0; i < 2; ++i) (void)!::write(to_stop_.get(), &asked, sizeof asked);
    keeper_.join();
  }

  // The next worker is the one that is meant from now on.
  void take_worker() {
    ASSERT_TRUE(eventually([&] {
      return lines_.with([&](auto& lines) {
        if (lines.empty()) return false;
        worker_.emplace(std::move(lines.front()));
        lines.pop_front();
        return true;
      });
    }));
  }

  void say(ToKeeper::Kind kind, Ticket ticket, std::uint64_t entry, int error = 0,
           const std::string& text = {}) {
    ASSERT_TRUE(worker_->channel.send(ToKeeper{kind, error, ticket, entry, text}));
  }
  void answer(Ticket ticket, int error) { say(ToKeeper::Kind::answer, ticket, 0, error); }
  void order_trap() { say(ToKeeper::Kind::set_trap, 0, kTrap, 0, "d/c"); }

  // The ticket of the next event.
  Ticket next_event() {
    for (;;) {
      pollfd wanted{worker_->channel.fd(), POLLIN, 0};
      if (::poll(&wanted, 1, 60'000) != 1) break;
      const auto received = worker_->channel.receive_from_keeper();
      if (!received) break;
      if (received->message.kind == ToWorker::Kind::event) return received->message.ticket;
    }
    ADD_FAILURE() << "no event";
    return 0;
  }

  // Reads on, as a worker does, until `walker` has ended; -1: it does not.
  int serve(Walker& walker) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      if (const auto result = walker.poll()) return *result;
      pollfd wanted{worker_->channel.fd(), POLLIN, 0};
      if (::poll(&wanted, 1, 100) != 1) continue;
      const auto received = worker_->channel.receive_from_keeper();
      if (!received) return -1;
      if (received->message.kind == ToWorker::Kind::event) answer(received->message.ticket, 0);
      if (received->message.kind != ToWorker::Kind::trapped) continue;
      tree_->make_file("d/c/x");
      say(ToKeeper::Kind::untrap, 0, received->message.entry);
    }
    return -1;
  }

  // --- those who walk ---

  // Opens "d" and goes on from there.
  [[nodiscard]] Walker opener() const {
    return Walker([path = *tree_ / "d"] {
      const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY);
      if (directory < 0) return errno;
      return ::openat(directory, "c/x", O_RDONLY) < 0 ? errno : 0;
    });
  }
  [[nodiscard]] Walker reader() const {
    return Walker([path = *tree_ / "d/f"] {
      char byte = 0;
      const int file = ::open(path.c_str(), O_RDONLY);
      return file < 0 || ::read(file, &byte, 1) != 1 ? errno : 0;
    });
  }
  // So many that their events fill the channel.
  [[nodiscard]] std::vector<Walker> burst() const {
    std::vector<Walker> readers;
    for (int i = 0; i < kReaders; ++i) readers.push_back(reader());
    EXPECT_TRUE(eventually([&] { return is_full(worker_->keepers_end.get()); }));
    return readers;
  }

  // Who has opened "d" is answered when the trap below has been ordered and the
  // channel is full. A file that was opened before then is not kept by that.
  struct Scene {
    Walker walker;
    std::vector<Walker> readers;
  };
  [[nodiscard]] Scene answer_behind_an_order(int error) {
    Walker walker = opener();
    const Ticket opened = next_event();
    Walker first = reader();
    const Ticket read = next_event();
    auto readers = burst();
    order_trap();
    answer(opened, error);
    answer(read, 0);
    EXPECT_EQ(first.wait(), 0);
    return {std::move(walker), std::move(readers)};
  }

  KeeperTimes times_;
  std::optional<TrappedTree> tree_;
  std::optional<Line> worker_;

 private:
  void run_keeper() {
    std::array<int, 2> ends{-1, -1};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    to_stop_.reset(ends[1]);
    KeeperParts parts;
    parts.start_worker = [this](bool, const TrapHandles&) { return start_worker(); };
    parts.show = [this]() -> Result<std::unique_ptr<Traps>> { return tree_->take_traps(); };
    parts.open = [this] { return opened_.set_value(), Result<>(); };
    parts.hide = [] {};
    keeper_ = std::thread([this, signals = ends[0], parts = std::move(parts)]() mutable {
      Keeper keeper(*group_, UniqueFd(signals), times_, std::move(parts));
      (void)keeper.run();
    });
  }

  Result<WorkerProcess> start_worker() {
    auto ends = Channel::make_pair();
    auto child = ForkedChild::start([] {
      ::alarm(kLongestLife);
      return ::pause();
    });
    if (!child) return fail(child.error());
    const int least = 1;
    (void)::setsockopt(ends->first.fd(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
    UniqueFd copy(::fcntl(ends->first.fd(), F_DUPFD_CLOEXEC, 0));
    lines_.with([&](auto& lines) {
      lines.push_back(Line{std::move(ends->second), std::move(copy), child->pid()});
    });
    return WorkerProcess(std::move(ends->first), QuietServer(UniqueFd(), -1), std::move(*child));
  }

  static bool is_full(int socket) {
    int unread = 0, room = 0;
    socklen_t size = sizeof room;
    return ::ioctl(socket, SIOCOUTQ, &unread) == 0 &&
           ::getsockopt(socket, SOL_SOCKET, SO_SNDBUF, &room, &size) == 0 && unread >= room;
  }

  std::optional<Group> group_;
  Guarded<std::deque<Line>> lines_;
  std::promise<void> opened_;
  UniqueFd to_stop_;
  std::thread keeper_;
};

TEST_F(KeeperOrdersTest, WhoOpensADirectoryWaitsForTheTrapsThatWereOrderedBefore) {
  start();
  auto [walker, readers] = answer_behind_an_order(0);
  ASSERT_EQ(walker.poll(), std::nullopt);
  EXPECT_EQ(serve(walker), 0);
  for (Walker& one : readers) EXPECT_EQ(serve(one), 0);
}

TEST_F(KeeperOrdersTest, TheOrdersOfAWorkerThatDiesComeBeforeItsAnswers) {
  start();
  auto [walker, readers] = answer_behind_an_order(0);
  ASSERT_EQ(::kill(worker_->pid, SIGKILL), 0);
  take_worker();
  EXPECT_EQ(serve(walker), 0);
  for (Walker& one : readers) EXPECT_EQ(serve(one), 0);
}

TEST_F(KeeperOrdersTest, AnErrorDoesNotWait) {
  start();
  auto [walker, readers] = answer_behind_an_order(EIO);
  EXPECT_EQ(walker.wait(), EIO);
  for (Walker& one : readers) EXPECT_EQ(serve(one), 0);
}

TEST_F(KeeperOrdersTest, WhoWaitsTooLongIsDenied) {
  times_.timeout = Duration{1'000};
  start();
  Walker walker = opener();
  const Ticket opened = next_event();
  auto readers = burst();
  order_trap();
  answer(opened, 0);
  EXPECT_EQ(walker.wait(), EIO);
}

TEST_F(KeeperOrdersTest, AStopDeniesWhoWaits) {
  start();
  auto [walker, readers] = answer_behind_an_order(0);
  stop();
  EXPECT_EQ(walker.wait(), EIO);
}

}  // namespace
}  // namespace lazymirror::fanotify
