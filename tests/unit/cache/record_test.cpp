// SPDX-License-Identifier: Apache-2.0
#include "cache/record.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

TEST(RecordTest, StampReadsBack) {
  const Stamp stamp{17, 2, 0x00c0ffee00c0ffee, 131};
  EXPECT_EQ(format_stamp(stamp), "17:2:00c0ffee00c0ffee:131");
  EXPECT_EQ(parse_stamp(format_stamp(stamp)), stamp);
  const Stamp largest{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
  EXPECT_EQ(parse_stamp(format_stamp(largest)), largest);
}

TEST(RecordTest, ForeignStampsAreNone) {
  for (const char* text :
       {"", ":", "1", "1:2", "1:2:", "1:2:3", "1:2:3:", "1:2:3:4:", "1:2:x:4", "1:2:3:f", "a:2:3:4",
        "-1:2:3:4", "1:2:3:4 ", "99999999999999999999:1:1:1", "1::3:4"}) {
    EXPECT_FALSE(parse_stamp(text)) << text;
  }
}

TEST(RecordTest, ChecksumsReadBack) {
  const std::vector<std::uint32_t> crcs{0, 1, 0xdeadbeef, 0xffffffff};
  EXPECT_EQ(unpack_crcs(pack_crcs(crcs)), crcs);
}

TEST(RecordTest, MapNeedsAChecksumForEachChunk) {
  FileRecord record;
  record.version.size = 100;
  record.chunk_size = 64;
  record.map = {std::byte{3}};
  record.crcs = {1, 2};
  EXPECT_TRUE(parse_map(record));
  record.crcs = {1};
  EXPECT_FALSE(parse_map(record));
  record.crcs = {1, 2};
  record.chunk_size = 0;
  EXPECT_FALSE(parse_map(record));
}

TEST(RecordTest, OnlyWhatBothStateContradicts) {
  const Version full{10, "\"a\"", 5};
  EXPECT_FALSE(contradicts(full, full));
  EXPECT_TRUE(contradicts(full, {11, "\"a\"", 5}));
  EXPECT_TRUE(contradicts(full, {10, "\"b\"", 5}));
  EXPECT_FALSE(contradicts(full, {10, "\"a\"", 6})) << "an equal ETag decides";
  EXPECT_FALSE(contradicts(full, {10, "", 5}));
  EXPECT_TRUE(contradicts(full, {10, "", 6}));
  EXPECT_FALSE(contradicts({10, "", std::nullopt}, full));
}

}  // namespace
}  // namespace lazymirror
