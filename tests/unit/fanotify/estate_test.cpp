// SPDX-License-Identifier: Apache-2.0
#include "fanotify/estate.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "fanotify/descriptor_message.h"

namespace lazymirror::fanotify {
namespace {

constexpr Duration kLimit{30'000};

UniqueFd file() { return UniqueFd(::memfd_create("estate-test", MFD_CLOEXEC)); }

ino_t inode(const UniqueFd& fd) {
  struct stat info {};
  EXPECT_EQ(::fstat(fd.get(), &info), 0);
  return info.st_ino;
}

class EstateTest : public ::testing::Test {
 protected:
  EstateTest() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    here_.reset(ends[0]);
    there_.reset(ends[1]);
    estate_.terms = "/a cache\n/at two words\n1";
    estate_.opens = {4096, true};
    estate_.idmapped = true;
    for (UniqueFd* one :
         {&estate_.group, &estate_.lock, &estate_.door, &estate_.space, &estate_.directory}) {
      *one = file();
    }
  }

  void add_event(int number) {
    Event event{Event::Kind::read, file(), 8192, 4096, 42};
    files_.push_back(inode(event.fd));
    estate_.numbers.push_back(number);
    estate_.events.push_back(std::move(event));
  }
  // A trap where two wait.
  void add_traps() {
    TrapsLeft& traps = estate_.traps.emplace();
    for (UniqueFd* one : {&traps.root, &traps.walks, &traps.notices, &traps.usher}) *one = file();
    traps.group = 77;
    traps.last_stale = SteadyTime(std::chrono::nanoseconds(1'234'567'890'123));
    TrapsLeft::Trap trap;
    trap.key = 1ULL << 60;
    trap.device = 99;
    trap.tokens = {5, 4'000'000'000U};
    trap.path = "name with blanks/and, commas";
    trap.since = SteadyTime(std::chrono::nanoseconds(5));
    trap.directory = file();
    trap.control = file();
    traps.traps.push_back(std::move(trap));
  }

  Result<Estate> handed_over() {
    auto sent = send_estate(here_.get(), estate_, kLimit);
    EXPECT_TRUE(sent);
    return receive_estate(there_.get(), kLimit);
  }

  UniqueFd here_, there_;
  Estate estate_;
  std::vector<ino_t> files_;
};

TEST_F(EstateTest, ArrivesAsItIs) {
  add_traps();
  const auto got = handed_over();
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->terms, estate_.terms);
  EXPECT_EQ(got->opens.fill_up_to, 4096u);
  EXPECT_TRUE(got->opens.reserves);
  EXPECT_TRUE(got->idmapped);
  EXPECT_EQ(inode(got->group), inode(estate_.group));
  EXPECT_EQ(inode(got->directory), inode(estate_.directory));
  ASSERT_TRUE(got->traps);
  EXPECT_EQ(got->traps->group, 77);
  EXPECT_EQ(got->traps->last_stale, estate_.traps->last_stale);
  EXPECT_EQ(inode(got->traps->usher), inode(estate_.traps->usher));
  ASSERT_EQ(got->traps->traps.size(), 1u);
  const TrapsLeft::Trap &trap = got->traps->traps[0], &was = estate_.traps->traps[0];
  EXPECT_EQ(trap.key, was.key);
  EXPECT_EQ(trap.device, was.device);
  EXPECT_EQ(trap.tokens, was.tokens);
  EXPECT_EQ(trap.path, was.path);
  EXPECT_EQ(trap.since, was.since);
  EXPECT_EQ(inode(trap.control), inode(was.control));
}

// More than fit in a message, at numbers that the descriptors on their way take.
TEST_F(EstateTest, EventsGetTheirNumbers) {
  constexpr int kFirst = kFirstEventNumber, kEvents = 600;
  for (int i = 0; i < kEvents; ++i) add_event(kFirst + 2'000 + i);
  const auto got = handed_over();
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_TRUE(got->lost.empty());
  ASSERT_EQ(got->events.size(), static_cast<std::size_t>(kEvents));
  for (int i = 0; i < kEvents; ++i) {
    const Event& event = got->events[static_cast<std::size_t>(i)];
    ASSERT_EQ(event.fd.get(), kFirst + 2'000 + i);
    ASSERT_EQ(inode(event.fd), files_[static_cast<std::size_t>(i)]);
    ASSERT_EQ(event.offset, 8192u);
    ASSERT_EQ(event.count, 4096u);
    ASSERT_EQ(event.pid, 42);
  }
}

TEST_F(EstateTest, AnEventWhoseNumberIsInUseIsToldOf) {
  const UniqueFd in_use = file();
  add_event(in_use.get());
  add_event(3'000);
  const auto got = handed_over();
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->lost, std::vector<int>{in_use.get()});
  ASSERT_EQ(got->events.size(), 1u);
  EXPECT_EQ(got->events[0].fd.get(), 3'000);
}

TEST_F(EstateTest, OfAnotherVersionIsNone) {
  const UniqueFd text = file();
  const std::string words = "lazymirror-estate 2 1 0";
  ASSERT_EQ(::write(text.get(), words.data(), words.size()), static_cast<ssize_t>(words.size()));
  ASSERT_TRUE(send_with_descriptor(here_.get(), 0, text.get()));
  const auto got = receive_estate(there_.get(), kLimit);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::unsupported);
}

TEST_F(EstateTest, OfSomebodyWhoIsGoneIsNone) {
  here_.reset();
  const auto got = receive_estate(there_.get(), kLimit);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::unreachable);
}

TEST_F(EstateTest, OccupiesTheFirstNumbers) {
  std::vector<UniqueFd> occupied;
  occupy_first_numbers(occupied);
  EXPECT_GE(file().get(), kFirstEventNumber);
}

}  // namespace
}  // namespace lazymirror::fanotify
