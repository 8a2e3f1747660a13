// SPDX-License-Identifier: Apache-2.0
#include "fanotify/wire.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <thread>

namespace lazymirror::fanotify {
namespace {

class WireTest : public ::testing::Test {
 protected:
  WireTest() {
    auto ends = Channel::make_pair();
    if (!ends) throw std::runtime_error(ends.error().message);
    keeper_.emplace(std::move(ends->first));
    worker_.emplace(std::move(ends->second));
  }

  // What a worker that has been taken over might send.
  void send_raw(const void* bytes, std::size_t size) {
    ASSERT_EQ(::send(worker_->fd(), bytes, size, 0), static_cast<ssize_t>(size));
  }

  std::optional<Channel> keeper_, worker_;
};

ToKeeper answer(Ticket ticket, int error) {
  ToKeeper message;
  message.kind = ToKeeper::Kind::answer;
  message.ticket = ticket;
  message.error = error;
  return message;
}

TEST_F(WireTest, HandsADescriptorToTheWorker) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd reading(ends[0]), writing(ends[1]);
  ToWorker message;
  message.kind = ToWorker::Kind::event;
  message.ticket = 17;
  message.offset = 1ULL << 40U;
  ASSERT_TRUE(keeper_->send(message, writing.get()));
  const auto received = worker_->receive_from_keeper();
  ASSERT_TRUE(received);
  EXPECT_EQ(received->message.ticket, 17U);
  EXPECT_EQ(received->message.offset, 1ULL << 40U);
  ASSERT_TRUE(received->fd.valid());
  ASSERT_EQ(::write(received->fd.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(reading.get(), &byte, 1), 1);
}

TEST_F(WireTest, TellsTheKeeperTextsAndErrors) {
  ASSERT_TRUE(worker_->send(failure_message({Errc::no_space, "the disk is full", 0})));
  const auto received = keeper_->receive_from_worker();
  ASSERT_TRUE(received && *received);
  const Error error = failure_in(**received);
  EXPECT_EQ(error.code, Errc::no_space);
  EXPECT_EQ(error.message, "the disk is full");
}

TEST_F(WireTest, HasNothingToTellWhenNothingWasSent) {
  const auto received = keeper_->receive_from_worker();
  ASSERT_TRUE(received);
  EXPECT_FALSE(*received);
}

TEST_F(WireTest, RefusesWhatIsNoMessage) {
  const std::array<char, 3> stump{};
  const std::array<char, 24> kind_unknown{127};
  std::array<char, 24> error_too_large{};
  error_too_large[7] = 1;
  std::array<char, 25> text_with_nul{};
  const std::vector<char> too_long(kMaxText + 64);
  send_raw(stump.data(), stump.size());
  send_raw(kind_unknown.data(), kind_unknown.size());
  send_raw(error_too_large.data(), error_too_large.size());
  send_raw(text_with_nul.data(), text_with_nul.size());
  send_raw(too_long.data(), too_long.size());
  for (int i = 0; i < 5; ++i) {
    const auto received = keeper_->receive_from_worker();
    ASSERT_FALSE(received) << i;
    EXPECT_EQ(received.error().code, Errc::bad_reply) << i;
  }
}

TEST_F(WireTest, TakesNoDescriptorFromTheWorker) {
  ToWorker like_the_keeper;
  ASSERT_TRUE(worker_->send(like_the_keeper, worker_->fd()));
  EXPECT_FALSE(keeper_->receive_from_worker());
}

TEST_F(WireTest, NeverMakesTheKeeperWait) {
  Result<> sent;
  for (int i = 0; i < 100'000 && sent; ++i) sent = keeper_->send(ToWorker{});
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Errc::busy);
}

TEST_F(WireTest, LetsTheWorkerWaitUntilTheKeeperListens) {
  constexpr Ticket kMany = 20'000;
  std::thread worker([this] {
    for (Ticket i = 1; i <= kMany; ++i) (void)worker_->send(answer(i, 0));
  });
  for (Ticket next = 1; next <= kMany;) {
    const auto received = keeper_->receive_from_worker();
    if (!received) break;
    if (!*received) continue;
    EXPECT_EQ((*received)->ticket, next);
    ++next;
  }
  worker.join();
}

TEST_F(WireTest, TellsWhatADeadWorkerSentBeforeItsEnd) {
  ASSERT_TRUE(keeper_->send(ToWorker{}));  // never read: the kernel reports a reset
  ASSERT_TRUE(worker_->send(answer(5, EIO)));
  worker_.reset();
  const auto last = keeper_->receive_from_worker();
  ASSERT_TRUE(last && *last);
  EXPECT_EQ((*last)->ticket, 5U);
  const auto end = keeper_->receive_from_worker();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Errc::unreachable);
  EXPECT_EQ(keeper_->send(ToWorker{}).error().code, Errc::unreachable);
}

TEST_F(WireTest, TellsTheWorkerThatTheKeeperIsGone) {
  keeper_.reset();
  EXPECT_EQ(worker_->receive_from_keeper().error().code, Errc::unreachable);
  EXPECT_EQ(worker_->send(answer(1, 0)).error().code, Errc::unreachable);
}

}  // namespace
}  // namespace lazymirror::fanotify
