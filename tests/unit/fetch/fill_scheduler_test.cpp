// SPDX-License-Identifier: Apache-2.0
#include "fetch/fill_scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "fetch/stream_tuner.h"

namespace lazymirror {
namespace {

using namespace std::chrono_literals;
constexpr std::uint64_t kChunk = 64u << 10, kMiB = 1u << 20;

// A file whose transfers go on when the test says so.
class FakeTarget final : public FillTarget {
 public:
  struct Transfer {
    ByteRange range;
    std::shared_ptr<TransferObserver> observer;
  };

  explicit FakeTarget(std::uint64_t size) : size_(size) {}

  std::uint64_t size() const override { return size_; }
  std::uint64_t chunk_size() const override { return chunk; }
  bool is_present(ByteRange range) override { return !first_missing(range); }

  std::optional<ByteRange> first_missing(ByteRange range) override {
    return state_.with([&](State& s) -> std::optional<ByteRange> {
      range = range.intersect({0, size_});
      if (range.empty()) return std::nullopt;
      const std::uint64_t last = (range.end - 1) / chunk;
      std::uint64_t c = range.begin / chunk;
      while (c <= last && s.present.contains(c)) ++c;
      if (c > last) return std::nullopt;
      std::uint64_t e = c;
      while (e <= last && !s.present.contains(e)) ++e;
      return ByteRange{c * chunk, std::min(e * chunk, size_)};
    });
  }

  ByteRange request_for(ByteRange missing) override {
    return whole ? ByteRange{0, size_} : missing;
  }

  void start(ByteRange range, SteadyTime, std::shared_ptr<TransferObserver> observer) override {
    state_.with([&](State& s) {
      s.started.push_back(range);
      s.running.push_back({range, observer});
    });
    if (on_start) on_start(range, *observer);
  }

  // Marks as present and tells, as a sink would.
  // False when the rest is not wanted.
  bool deliver(TransferObserver& observer, ByteRange range) {
    mark(range);
    return observer.on_present(range);
  }
  void mark(ByteRange range) {
    state_.with([&](State& s) {
      for (std::uint64_t c = range.begin / chunk; c * chunk < range.end; ++c) s.present.insert(c);
    });
  }
  Transfer transfer(std::size_t i) {
    return state_.with([&](State& s) { return s.running.at(i); });
  }
  bool deliver(std::size_t i, ByteRange range) { return deliver(*transfer(i).observer, range); }
  void end(std::size_t i, Result<> result = {}) {
    const auto t = transfer(i);
    state_.with([&](State& s) { s.running[i].observer.reset(); });
    t.observer->on_end(std::move(result));
  }
  void end_all() {
    auto left = state_.with([](State& s) { return std::exchange(s.running, {}); });
    for (const auto& t : left) {
      if (t.observer) t.observer->on_end(fail(Errc::cancelled, "stopping"));
    }
  }
  std::vector<ByteRange> started() {
    return state_.with([](State& s) { return s.started; });
  }

  std::atomic<bool> whole{false};
  std::uint64_t chunk = kChunk;  // before anything is asked for
  std::function<void(ByteRange, TransferObserver&)> on_start;

 private:
  struct State {
    std::set<std::uint64_t> present;
    std::vector<ByteRange> started;
    std::deque<Transfer> running;
  };
  std::uint64_t size_;
  Guarded<State> state_;
};

// What became of one fill. May die before it completes.
class Outcome {
 public:
  Completion<> completion() {
    return [state = state_](Result<> r) {
      const std::lock_guard lock(state->mutex);
      ++state->times;
      state->result = std::move(r);
      state->wake.notify_all();
    };
  }
  [[nodiscard]] int times() const {
    const std::lock_guard lock(state_->mutex);
    return state_->times;
  }
  [[nodiscard]] bool done() const { return times() > 0; }
  // The error it ended in, if any.
  [[nodiscard]] std::optional<Errc> error() const {
    std::unique_lock lock(state_->mutex);
    if (!state_->wake.wait_for(lock, 30s, [&] { return state_->times > 0; })) {
      ADD_FAILURE() << "never completed";
      return Errc::internal;
    }
    return *state_->result ? std::nullopt : std::optional(state_->result->error().code);
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable wake;
    int times = 0;
    std::optional<Result<>> result;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

class FillSchedulerTest : public ::testing::Test {
 protected:
  FillSchedulerTest() : queue(8), fills({60s, 16 * kMiB}, queue, timers, clock) {}
  ~FillSchedulerTest() override {
    fills.stop();
    file->end_all();  // as an origin does when it goes away
    EXPECT_EQ(fills.load().flights, 0u);
  }

  RequestContext soon(Duration in = 30s) { return {Priority::demand, clock.now() + in}; }
  WaiterId fill(std::uint64_t begin, std::uint64_t end, Outcome& outcome) {
    return fills.fill(file, {begin, end}, soon(), outcome.completion());
  }

  SystemClock clock;
  TimerQueue timers;
  TransferQueue queue;
  FillScheduler fills;
  std::shared_ptr<FakeTarget> file = std::make_shared<FakeTarget>(64 * kMiB);
};

TEST_F(FillSchedulerTest, APresentRangeCompletesBeforeTheReturn) {
  file->mark({0, 2 * kChunk});
  Outcome a;
  EXPECT_EQ(fill(10, kChunk + 5, a), 0u);
  EXPECT_TRUE(a.done());
  EXPECT_TRUE(file->started().empty());
}

TEST_F(FillSchedulerTest, AsksForWholeChunksAndNoMore) {
  Outcome a;
  EXPECT_NE(fill(kChunk + 10, kChunk + 20, a), 0u);
  EXPECT_EQ(file->started(), (std::vector<ByteRange>{{kChunk, 2 * kChunk}}));
  file->deliver(0, {kChunk, 2 * kChunk});
  EXPECT_EQ(a.error(), std::nullopt);
  file->end(0);
  EXPECT_EQ(fills.load().flights, 0u);
  EXPECT_EQ(queue.load().running, 0u);
}

TEST_F(FillSchedulerTest, ManyWaitersOfOneChunkAreOneTransfer) {
  std::vector<std::unique_ptr<Outcome>> all;
  for (int i = 0; i < 100; ++i) fill(0, 100, *all.emplace_back(std::make_unique<Outcome>()));
  EXPECT_EQ(file->started().size(), 1u);
  file->deliver(0, {0, kChunk});
  for (auto& one : all) EXPECT_EQ(one->error(), std::nullopt);
}

TEST_F(FillSchedulerTest, WakesEachWaiterWhenItsOwnBytesAreThere) {
  Outcome first, second, both;
  fill(0, 4 * kChunk, both);
  fill(0, 10, first);
  fill(kChunk, kChunk + 10, second);
  EXPECT_EQ(file->started().size(), 1u);
  file->deliver(0, {0, kChunk});
  EXPECT_TRUE(first.done());
  EXPECT_FALSE(second.done());
  file->deliver(0, {kChunk, 2 * kChunk});
  EXPECT_TRUE(second.done());
  EXPECT_FALSE(both.done());
  file->deliver(0, {2 * kChunk, 4 * kChunk});
  EXPECT_TRUE(both.done());
  file->end(0);
}

TEST_F(FillSchedulerTest, MissingRunsAroundPresentChunksAreSeparateRequests) {
  file->mark({kChunk, 2 * kChunk});
  Outcome a;
  fill(0, 3 * kChunk, a);
  EXPECT_EQ(file->started(), (std::vector<ByteRange>{{0, kChunk}, {2 * kChunk, 3 * kChunk}}));
  file->deliver(1, {2 * kChunk, 3 * kChunk});
  EXPECT_FALSE(a.done());
  file->deliver(0, {0, kChunk});
  EXPECT_TRUE(a.done());
}

TEST_F(FillSchedulerTest, AnErrorGoesToThoseWhoseBytesItShouldHaveBrought) {
  Outcome served, hit, elsewhere;
  fill(0, 2 * kChunk, hit);
  fill(0, kChunk, served);
  fill(10 * kChunk, 11 * kChunk, elsewhere);
  file->deliver(0, {0, kChunk});
  file->end(0, fail(Errc::unreachable, "broken off"));
  EXPECT_EQ(served.error(), std::nullopt);
  EXPECT_EQ(hit.error(), Errc::unreachable);
  EXPECT_FALSE(elsewhere.done());
  file->deliver(1, {10 * kChunk, 11 * kChunk});
  EXPECT_EQ(elsewhere.error(), std::nullopt);
}

TEST_F(FillSchedulerTest, AnErrorInALaterRunOfTheRangeReachesTheWaiterAtOnce) {
  file->mark({kChunk, 2 * kChunk});
  Outcome a;
  fill(0, 3 * kChunk, a);
  file->end(1, fail(Errc::denied, "403"));
  EXPECT_EQ(a.error(), Errc::denied);
}

TEST_F(FillSchedulerTest, AShortTransferIsAskedForAgain) {
  Outcome a;
  fill(0, 2 * kChunk, a);
  file->deliver(0, {0, kChunk});
  file->end(0);
  EXPECT_EQ(file->started(), (std::vector<ByteRange>{{0, 2 * kChunk}, {kChunk, 2 * kChunk}}));
  file->deliver(1, {kChunk, 2 * kChunk});
  EXPECT_EQ(a.error(), std::nullopt);
}

TEST_F(FillSchedulerTest, AnOriginThatAlwaysEndsShortIsABadReply) {
  Outcome a;
  fill(0, kChunk, a);
  for (std::size_t i = 0; !a.done(); ++i) {
    ASSERT_LT(i, 10u) << "no bound";
    file->end(i);
  }
  EXPECT_EQ(a.error(), Errc::bad_reply);
  EXPECT_EQ(fills.load().waiters, 0u);
}

TEST_F(FillSchedulerTest, TheDeadlineEndsTheWaitButNotTheTransfer) {
  Outcome late, patient;
  fills.fill(file, {0, kChunk}, soon(20ms), late.completion());
  fill(0, kChunk, patient);
  EXPECT_EQ(late.error(), Errc::timeout);
  EXPECT_FALSE(patient.done());
  file->deliver(0, {0, kChunk});
  EXPECT_EQ(patient.error(), std::nullopt);
}

TEST_F(FillSchedulerTest, CancelCompletesTheWaiterOnceAndLeavesTheTransfer) {
  Outcome a, b;
  const WaiterId id = fill(0, kChunk, a);
  fill(0, kChunk, b);
  fills.cancel(id);
  fills.cancel(id);
  EXPECT_EQ(a.error(), Errc::cancelled);
  file->deliver(0, {0, kChunk});
  file->end(0);
  EXPECT_EQ(b.error(), std::nullopt);
  EXPECT_EQ(a.times(), 1);
}

TEST_F(FillSchedulerTest, CancelWithdrawsWhatNobodyElseWants) {
  queue.set_capacity(2);
  Outcome all, other;
  const WaiterId id = fill(0, 64 * kMiB, all);  // four requests: two run, two are queued
  fill(50 * kMiB, 50 * kMiB + 10, other);
  ASSERT_EQ(file->started().size(), 2u);
  fills.cancel(id);
  EXPECT_EQ(all.error(), Errc::cancelled);
  EXPECT_EQ(queue.load().waiting, 1u) << "the last is wanted by the other";
  EXPECT_TRUE(file->deliver(0, {0, kChunk})) << "where it stood: a retry finds more than before";
  EXPECT_FALSE(file->deliver(1, {16 * kMiB, 16 * kMiB + kChunk}));
  file->end(1, fail(Errc::cancelled, "as told"));
  EXPECT_TRUE(file->deliver(2, {48 * kMiB, 51 * kMiB}));
  EXPECT_EQ(other.error(), std::nullopt);
}

TEST_F(FillSchedulerTest, ARetryJoinsTheTransferThatTheFirstAttemptLeft) {
  Outcome interrupted, retried;
  fills.cancel(fill(0, 2 * kChunk, interrupted));
  fill(0, 2 * kChunk, retried);
  EXPECT_EQ(file->started().size(), 1u);
  EXPECT_TRUE(file->deliver(0, {0, 2 * kChunk}));
  EXPECT_EQ(retried.error(), std::nullopt);
}

TEST_F(FillSchedulerTest, AnAbandonedFileKeepsOnlyWhatSomebodyWaitsFor) {
  Outcome a;
  fill(0, kChunk, a);
  fills.prefetch(file, {kMiB, 60 * kMiB}, Priority::read_ahead);
  const auto begun = file->started().size();
  ASSERT_GE(begun, 3u);
  fills.abandon(file);
  EXPECT_EQ(queue.load().waiting, 0u);
  EXPECT_FALSE(file->deliver(1, {kMiB, kMiB + kChunk})) << "ends with its chunk";
  file->end(1, fail(Errc::cancelled, "as told"));
  EXPECT_TRUE(file->deliver(0, {0, kChunk}));
  EXPECT_EQ(a.error(), std::nullopt);
  EXPECT_EQ(file->started().size(), begun);
}

TEST_F(FillSchedulerTest, AReaderWhoComesBackFindsItsTransferGoingOn) {
  fills.prefetch(file, {0, 2 * kMiB}, Priority::read_ahead);
  fills.abandon(file);
  Outcome a;
  fill(kChunk, 2 * kChunk, a);
  EXPECT_EQ(file->started().size(), 1u);
  EXPECT_TRUE(file->deliver(0, {0, 2 * kChunk}));
  EXPECT_EQ(a.error(), std::nullopt);
}

TEST_F(FillSchedulerTest, WhatATransferThatWasToldToEndWouldHaveBroughtIsAskedForAnew) {
  fills.prefetch(file, {0, 2 * kMiB}, Priority::read_ahead);
  fills.abandon(file);
  EXPECT_FALSE(file->deliver(0, {0, kChunk}));
  Outcome a;  // before the end has been told
  fill(kChunk, 2 * kChunk, a);
  ASSERT_EQ(file->started().size(), 2u);
  file->end(0, fail(Errc::cancelled, "as told"));
  EXPECT_FALSE(a.done()) << "not concerned";
  EXPECT_TRUE(file->deliver(1, {kChunk, 2 * kChunk}));
  EXPECT_EQ(a.error(), std::nullopt);
}

TEST_F(FillSchedulerTest, AFileThatComesInOnePieceIsNotBrokenOff) {
  file->whole = true;
  Outcome a;
  fills.cancel(fill(kMiB, kMiB + 10, a));
  fills.abandon(file);
  EXPECT_TRUE(file->deliver(0, {0, kChunk}));
}

TEST_F(FillSchedulerTest, LongGuessesRunOnlyAFewAtOnce) {
  file = std::make_shared<FakeTarget>(300 * kMiB);
  fills.prefetch(file, {0, 200 * kMiB}, Priority::read_ahead);
  EXPECT_EQ(file->started().size(), queue.most_streams());
  queue.set_capacity(100);  // HTTP/2
  fills.prefetch(file, {200 * kMiB, 300 * kMiB}, Priority::read_ahead);
  EXPECT_EQ(file->started().size(), queue.most_streams());
}

TEST_F(FillSchedulerTest, OfManyStreamsAFewAreTriedFirst) {
  file = std::make_shared<FakeTarget>(300 * kMiB);
  TransferQueue wide(32);
  FillScheduler many({60s, 16 * kMiB}, wide, timers, clock);
  many.prefetch(file, {0, 300 * kMiB}, Priority::read_ahead);
  EXPECT_EQ(file->started().size(), StreamTuner::kFirst);
  many.stop();
  file->end_all();
}

TEST_F(FillSchedulerTest, PrefetchRunsWithoutAWaiterAndIsJoinedByOne) {
  fills.prefetch(file, {0, 4 * kChunk}, Priority::read_ahead);
  ASSERT_EQ(file->started().size(), 1u);
  Outcome a;
  fill(2 * kChunk, 3 * kChunk, a);
  EXPECT_EQ(file->started().size(), 1u) << "single flight";
  file->deliver(0, {0, 3 * kChunk});
  EXPECT_EQ(a.error(), std::nullopt);
}

TEST_F(FillSchedulerTest, PrefetchSkipsWhatIsPresentOrUnderWay) {
  file->mark({0, kChunk});
  Outcome a;
  fill(2 * kChunk, 3 * kChunk, a);
  fills.prefetch(file, {0, 4 * kChunk}, Priority::read_ahead);
  fills.prefetch(file, {0, 4 * kChunk}, Priority::read_ahead);
  EXPECT_EQ(file->started(),
            (std::vector<ByteRange>{
                {2 * kChunk, 3 * kChunk}, {kChunk, 2 * kChunk}, {3 * kChunk, 4 * kChunk}}));
}

TEST_F(FillSchedulerTest, LongPrefetchComesInPieces) {
  fills.prefetch(file, {0, 40 * kMiB}, Priority::read_ahead);
  ASSERT_EQ(file->started().size(), 3u);
  for (const auto& range : file->started()) EXPECT_LE(range.size(), 16 * kMiB);
}

TEST_F(FillSchedulerTest, AWindowThatGrowsBringsAllStreamsIntoUse) {
  fills.prefetch(file, {0, 6 * kMiB}, Priority::read_ahead, FillScheduler::Cut::for_idle);
  EXPECT_EQ(file->started(),
            (std::vector<ByteRange>{{0, 2 * kMiB}, {2 * kMiB, 4 * kMiB}, {4 * kMiB, 6 * kMiB}}));
  fills.prefetch(file, {6 * kMiB, 30 * kMiB}, Priority::read_ahead, FillScheduler::Cut::for_idle);
  ASSERT_EQ(file->started().size(), queue.most_streams());
  EXPECT_EQ(file->started().back(), (ByteRange{22 * kMiB, 30 * kMiB}));
}

TEST_F(FillSchedulerTest, StreamsThatOtherFilesUseAreNotIdle) {
  const auto other = std::make_shared<FakeTarget>(file->size());
  fills.prefetch(other, {0, 60 * kMiB}, Priority::read_ahead);
  ASSERT_EQ(other->started().size(), 4u);
  fills.prefetch(file, {0, 12 * kMiB}, Priority::read_ahead, FillScheduler::Cut::for_idle);
  EXPECT_EQ(file->started(), (std::vector<ByteRange>{{0, 6 * kMiB}, {6 * kMiB, 12 * kMiB}}));
  fills.stop();
  other->end_all();
}

TEST_F(FillSchedulerTest, NoTwoRequestsBringOneChunk) {
  file->chunk = 4 * kMiB;
  fills.prefetch(file, {0, 8 * kMiB}, Priority::read_ahead, FillScheduler::Cut::for_idle);
  EXPECT_EQ(file->started(), (std::vector<ByteRange>{{0, 4 * kMiB}, {4 * kMiB, 8 * kMiB}}));
}

TEST_F(FillSchedulerTest, AWindowThatOnlyMovesOnMakesOneRequest) {
  fills.prefetch(file, {48 * kMiB, 56 * kMiB}, Priority::read_ahead);
  EXPECT_EQ(file->started(), (std::vector<ByteRange>{{48 * kMiB, 56 * kMiB}}));
}

TEST_F(FillSchedulerTest, AQueuedPrefetchThatSomebodyNeedsOvertakes) {
  queue.set_capacity(2);  // one slot for guesses
  fills.prefetch(file, {0, kChunk}, Priority::read_ahead);
  fills.prefetch(file, {10 * kChunk, 11 * kChunk}, Priority::read_ahead);
  fills.prefetch(file, {20 * kChunk, 21 * kChunk}, Priority::read_ahead);
  ASSERT_EQ(file->started().size(), 1u);
  Outcome a;
  fill(20 * kChunk, 21 * kChunk, a);
  ASSERT_EQ(file->started().size(), 2u);
  EXPECT_EQ(file->started()[1], (ByteRange{20 * kChunk, 21 * kChunk}));
}

TEST_F(FillSchedulerTest, AQueuedTransferLeavesOutWhatCameMeanwhile) {
  queue.set_capacity(1);
  Outcome gate, a, b;
  fill(100 * kChunk, 101 * kChunk, gate);
  fill(0, 2 * kChunk, a);
  fills.prefetch(file, {4 * kChunk, 5 * kChunk}, Priority::read_ahead);
  file->mark({0, kChunk});
  file->mark({4 * kChunk, 5 * kChunk});
  file->end(0);  // short: the gate asks again, behind `a`
  ASSERT_EQ(file->started().size(), 2u);
  EXPECT_EQ(file->started()[1], (ByteRange{kChunk, 2 * kChunk}));
  file->deliver(1, {kChunk, 2 * kChunk});
  EXPECT_EQ(a.error(), std::nullopt);
  file->end(1);
  file->deliver(2, {100 * kChunk, 101 * kChunk});
  file->end(2);
  EXPECT_EQ(file->started().size(), 3u) << "the prefetch had nothing left to do";
  EXPECT_EQ(fills.load().flights, 0u);
}

TEST_F(FillSchedulerTest, AWaiterFarFromTheFrontGetsItsOwnTransfer) {
  Outcome all, far, near;
  fill(0, 16 * kMiB, all);
  file->deliver(0, {0, kMiB});
  fill(15 * kMiB, 15 * kMiB + 1, far);
  fill(kMiB, kMiB + 1, near);
  ASSERT_EQ(file->started().size(), 2u);
  EXPECT_EQ(file->started()[1], (ByteRange{15 * kMiB, 15 * kMiB + kChunk}));
  file->deliver(1, {15 * kMiB, 15 * kMiB + kChunk});
  EXPECT_EQ(far.error(), std::nullopt);
}

TEST_F(FillSchedulerTest, WhenTheSpecialTransferFailsTheLongOneStillServes) {
  Outcome all, far;
  fill(0, 16 * kMiB, all);
  fill(15 * kMiB, 15 * kMiB + 1, far);
  file->end(1, fail(Errc::unreachable, "broken off"));
  EXPECT_FALSE(far.done());
  file->deliver(0, {0, 16 * kMiB});
  EXPECT_EQ(far.error(), std::nullopt);
}

TEST_F(FillSchedulerTest, WithoutRangesOneStreamServesAll) {
  file->whole = true;
  Outcome a, b, c;
  fill(0, kChunk, a);
  fill(30 * kMiB, 30 * kMiB + 1, b);
  fills.prefetch(file, {0, 64 * kMiB}, Priority::read_ahead);
  EXPECT_EQ(file->started(), (std::vector<ByteRange>{{0, 64 * kMiB}}));
  file->deliver(0, {0, 31 * kMiB});
  EXPECT_EQ(a.error(), std::nullopt);
  EXPECT_EQ(b.error(), std::nullopt);
}

TEST_F(FillSchedulerTest, AServerThatSendsTheWholeFileMakesOtherRequestsSuperfluous) {
  queue.set_capacity(1);
  Outcome a, b;
  fill(10 * kChunk, 11 * kChunk, a);
  fill(40 * kMiB, 41 * kMiB, b);
  ASSERT_EQ(file->started().size(), 1u);
  file->whole = true;
  file->transfer(0).observer->on_range({0, 64 * kMiB});
  EXPECT_EQ(queue.load().waiting, 0u) << "the second request was withdrawn";
  file->deliver(0, {0, 64 * kMiB});
  file->end(0);
  EXPECT_EQ(a.error(), std::nullopt);
  EXPECT_EQ(b.error(), std::nullopt);
  EXPECT_EQ(file->started().size(), 1u);
}

TEST_F(FillSchedulerTest, ATransferThatEndsWithinItsStartIsServed) {
  file->on_start = [this](ByteRange range, TransferObserver& observer) {
    file->deliver(observer, range);
    observer.on_end({});
  };
  Outcome a;
  EXPECT_EQ(fill(0, 3 * kMiB, a), 0u);
  EXPECT_EQ(a.error(), std::nullopt);
  EXPECT_EQ(queue.load().running, 0u);
}

TEST_F(FillSchedulerTest, ACompletionMayAskAgain) {
  Outcome last;
  fills.fill(file, {0, kChunk}, soon(), [&](Result<>) {
    fills.fill(file, {kChunk, 2 * kChunk}, soon(), last.completion());
  });
  file->deliver(0, {0, kChunk});
  ASSERT_EQ(file->started().size(), 2u);
  file->deliver(1, {kChunk, 2 * kChunk});
  EXPECT_EQ(last.error(), std::nullopt);
}

TEST_F(FillSchedulerTest, StopCompletesEveryWaiterAndStartsNothingMore) {
  queue.set_capacity(1);
  Outcome running, queued, after;
  fill(0, kChunk, running);
  fill(10 * kChunk, 11 * kChunk, queued);
  fills.stop();
  EXPECT_EQ(running.error(), Errc::cancelled);
  EXPECT_EQ(queued.error(), Errc::cancelled);
  EXPECT_EQ(fill(20 * kChunk, 21 * kChunk, after), 0u);
  EXPECT_EQ(after.error(), Errc::cancelled);
  file->end(0, fail(Errc::cancelled, "stopping"));
  EXPECT_EQ(file->started().size(), 1u);
  EXPECT_EQ(fills.load().flights, 0u);
}

TEST_F(FillSchedulerTest, TenThousandWaitersAreServedOrCancelledPromptly) {
  std::atomic<int> ok{0}, cancelled{0};
  std::vector<WaiterId> ids;
  for (int i = 0; i < 10'000; ++i) {
    ids.push_back(fills.fill(file, {0, 1}, soon(60s), [&](Result<> r) { ++(r ? ok : cancelled); }));
  }
  const auto before = clock.now();
  for (int i = 0; i < 5'000; ++i) fills.cancel(ids[static_cast<std::size_t>(i)]);
  file->deliver(0, {0, kChunk});
  EXPECT_EQ(ok, 5'000);
  EXPECT_EQ(cancelled, 5'000);
  EXPECT_LT(clock.now() - before, 20s);
}

// Several threads fill, prefetch and cancel while others deliver, break off and
// cut short. Everyone completes once; success means the bytes are there.
TEST_F(FillSchedulerTest, HoldsUnderThreads) {
  constexpr int kThreads = 4, kEach = 300;
  Guarded<std::deque<std::pair<ByteRange, std::shared_ptr<TransferObserver>>>> work;
  std::atomic<bool> stop{false};
  std::atomic<int> completions{0}, wrong{0}, refused{0};

  class Busy final : public FillTarget {
   public:
    Busy(decltype(work)& w, std::shared_ptr<FakeTarget> f) : work_(w), file_(std::move(f)) {}
    std::uint64_t size() const override { return file_->size(); }
    std::uint64_t chunk_size() const override { return kChunk; }
    bool is_present(ByteRange r) override { return file_->is_present(r); }
    std::optional<ByteRange> first_missing(ByteRange r) override { return file_->first_missing(r); }
    ByteRange request_for(ByteRange m) override { return m; }
    void start(ByteRange r, SteadyTime, std::shared_ptr<TransferObserver> o) override {
      work_.with([&](auto& w) { w.emplace_back(r, std::move(o)); });
    }

   private:
    decltype(work)& work_;
    std::shared_ptr<FakeTarget> file_;
  };
  const auto target = std::make_shared<Busy>(work, file);

  std::vector<std::thread> network;
  for (unsigned n = 0; n < 2; ++n) {
    network.emplace_back([&, n] {
      std::mt19937 random(n);
      for (;;) {
        auto job = work.with([](auto& w) {
          std::optional<std::pair<ByteRange, std::shared_ptr<TransferObserver>>> next;
          if (!w.empty()) {
            next = std::move(w.front());
            w.pop_front();
          }
          return next;
        });
        if (!job) {
          if (stop) return;
          std::this_thread::yield();
          continue;
        }
        auto& [range, observer] = *job;
        const unsigned fate = static_cast<unsigned>(random() % 16);
        for (std::uint64_t at = range.begin; at < range.end; at += kChunk) {
          if (fate == 0 && at > range.begin) break;
          file->deliver(*observer, {at, std::min(at + kChunk, range.end)});
        }
        observer->on_end(fate == 1 ? Result<>(fail(Errc::unreachable, "x")) : Result<>{});
      }
    });
  }
  std::vector<std::thread> readers;
  for (unsigned t = 0; t < kThreads; ++t) {
    readers.emplace_back([&, t] {
      std::mt19937 random(100 + t);
      for (int i = 0; i < kEach; ++i) {
        const std::uint64_t begin = random() % (file->size() - kMiB);
        const ByteRange range{begin, begin + 1 + random() % kMiB};
        std::promise<void> served;
        const WaiterId id = fills.fill(target, range, soon(30s), [&](Result<> r) {
          ++completions;
          if (r && !file->is_present(range)) ++wrong;
          if (!r && r.error().code != Errc::unreachable && r.error().code != Errc::cancelled) {
            ++refused;
          }
          served.set_value();
        });
        if (random() % 8 == 0) fills.cancel(id);
        if (random() % 8 == 0) {
          fills.prefetch(target, {range.end, range.end + 2 * kMiB}, Priority::read_ahead);
        }
        EXPECT_EQ(served.get_future().wait_for(20s), std::future_status::ready) << "stuck";
      }
    });
  }
  for (auto& thread : readers) thread.join();
  stop = true;
  for (auto& thread : network) thread.join();
  EXPECT_EQ(completions, kThreads * kEach);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(refused, 0);
  EXPECT_EQ(fills.load().waiters, 0u);
}

}  // namespace
}  // namespace lazymirror
