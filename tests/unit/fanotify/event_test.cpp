// SPDX-License-Identifier: Apache-2.0
#include "fanotify/event.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "fanotify/kernel_abi.h"

namespace lazymirror::fanotify {
namespace {

using Bytes = std::vector<std::byte>;

template <typename T>
void append(Bytes& bytes, const T& value) {
  const auto* begin = reinterpret_cast<const std::byte*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof value);
}

Bytes event(std::uint64_t mask, int fd, const Bytes& records = {}) {
  fanotify_event_metadata metadata{};
  metadata.event_len = static_cast<std::uint32_t>(sizeof metadata + records.size());
  metadata.vers = FANOTIFY_METADATA_VERSION;
  metadata.metadata_len = sizeof metadata;
  metadata.mask = mask;
  metadata.fd = fd;
  metadata.pid = 42;
  Bytes bytes;
  append(bytes, metadata);
  bytes.insert(bytes.end(), records.begin(), records.end());
  return bytes;
}

Bytes range(std::uint64_t offset, std::uint64_t count) {
  Bytes bytes;
  append(bytes, InfoRange{{kInfoRange, 0, sizeof(InfoRange)}, 0, offset, count});
  return bytes;
}

Bytes joined(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

TEST(DecodingEvents, TellsTheRangeOfARead) {
  const RawEvents raw = decode_events(event(kPreAccess, 7, range(8192, 4096)));
  ASSERT_TRUE(raw.valid);
  ASSERT_EQ(raw.events.size(), 1U);
  EXPECT_EQ(raw.events[0].kind, Event::Kind::read);
  EXPECT_EQ(raw.events[0].number, 7);
  EXPECT_EQ(raw.events[0].offset, 8192U);
  EXPECT_EQ(raw.events[0].count, 4096U);
  EXPECT_EQ(raw.events[0].pid, 42);
}

TEST(DecodingEvents, TellsTheOtherKindsWithoutARange) {
  const Bytes bytes = joined(joined(event(FAN_OPEN_PERM, 3), event(FAN_ACCESS_PERM, 4)),
                             event(FAN_OPEN_EXEC_PERM, 5));
  const RawEvents raw = decode_events(bytes);
  ASSERT_TRUE(raw.valid);
  ASSERT_EQ(raw.events.size(), 3U);
  EXPECT_EQ(raw.events[0].kind, Event::Kind::open);
  EXPECT_EQ(raw.events[1].kind, Event::Kind::access);
  EXPECT_EQ(raw.events[2].kind, Event::Kind::open_exec);
  EXPECT_FALSE(raw.events[1].offset);
}

TEST(DecodingEvents, CountsWhatTheKernelRefusedAndTellsOverflow) {
  const RawEvents raw =
      decode_events(joined(event(FAN_Q_OVERFLOW, -1), event(kPreAccess, -EMFILE, range(0, 4096))));
  ASSERT_TRUE(raw.valid);
  EXPECT_TRUE(raw.events.empty());
  EXPECT_EQ(raw.failed, 1U);
  EXPECT_TRUE(raw.overflow);
}

TEST(DecodingEvents, PassesOverRecordsItDoesNotKnow) {
  Bytes records;
  append(records, fanotify_event_info_header{99, 0, sizeof(fanotify_event_info_header)});
  const RawEvents raw = decode_events(event(kPreAccess, 7, joined(records, range(0, 1))));
  ASSERT_TRUE(raw.valid);
  EXPECT_EQ(raw.events.at(0).count, 1U);
}

TEST(DecodingEvents, StopsAtWhatNoKernelWrites) {
  const Bytes good = event(kPreAccess, 7, range(0, 4096));
  for (std::size_t cut = 1; cut < good.size(); ++cut) {
    const RawEvents raw = decode_events({good.data(), cut});
    EXPECT_FALSE(raw.valid) << cut;
    EXPECT_TRUE(raw.events.empty()) << cut;
  }
  EXPECT_FALSE(decode_events(event(FAN_MODIFY, 7)).valid);
  EXPECT_FALSE(decode_events(event(kPreAccess | FAN_OPEN_PERM, 7)).valid);
  Bytes endless = range(0, 1);
  endless[offsetof(fanotify_event_info_header, len)] = std::byte{0};
  EXPECT_FALSE(decode_events(event(kPreAccess, 7, endless)).valid);
  const RawEvents after = decode_events(joined(good, Bytes(24)));
  EXPECT_FALSE(after.valid);
  EXPECT_EQ(after.events.size(), 1U);
}

TEST(ParsingEvents, ClosesWhatItFoundBeforeSomethingBroken) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd kept(ends[0]);
  const auto parsed = parse_events(joined(event(kPreAccess, ends[1]), Bytes(24)));
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, Errc::bad_reply);
  char byte = 0;
  EXPECT_EQ(::read(kept.get(), &byte, 1), 0) << "the other end is still open";
}

}  // namespace
}  // namespace lazymirror::fanotify
