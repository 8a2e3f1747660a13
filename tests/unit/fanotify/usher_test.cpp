// SPDX-License-Identifier: Apache-2.0
#include "fanotify/usher.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstddef>
#include <cstdint>

#include "support/skip.h"

namespace lazymirror::fanotify {
namespace {

// An order of the keeper's, or 0: the end of the line.
ssize_t heard_by(const UniqueFd& usher) {
  std::array<std::byte, PATH_MAX + 64> order{};
  return ::recv(usher.get(), order.data(), order.size(), MSG_DONTWAIT);
}

// A late answer would be that to the next order: another directory's.
TEST(TrapHandsTest, AskNoMoreOfAnUsherWhoseAnswerDidNotCome) {
  LM_REQUIRE(::access("/dev/autofs", R_OK | W_OK) == 0, "the kernel has no autofs, or not for us");
  std::array<int, 2> ends{-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd usher(ends[1]);
  const auto hands = TrapHands::of_usher(UniqueFd(ends[0]), ::getpgrp());
  ASSERT_TRUE(hands) << hands.error().message;
  const std::int32_t well = 0;
  ASSERT_EQ(::send(usher.get(), &well, 1, 0), 1) << "no answer as answers are";
  ASSERT_EQ(::send(usher.get(), &well, sizeof well, 0), static_cast<ssize_t>(sizeof well));

  EXPECT_EQ(hands->open_trap("/a", 1).error().code, Errc::unreachable);
  const auto second = hands->open_trap("/b", 2);
  ASSERT_FALSE(second) << "it was the answer to the first";
  EXPECT_EQ(second.error().code, Errc::unreachable);
  EXPECT_GT(heard_by(usher), 0);
  EXPECT_EQ(heard_by(usher), 0) << "it knows that nobody asks any more";
  EXPECT_FALSE(hands->are_own());
}

}  // namespace
}  // namespace lazymirror::fanotify
