// SPDX-License-Identifier: Apache-2.0
//
// One cache, used in place and not in turns, by a process with rights and
// without.
#include "unit/cache/in_place_fixture.h"

namespace lazymirror {
namespace {

using test::expect_bytes;
using test::expect_ok;
using test::fill;
using test::kChunk;
using test::listed_directory;
using test::listed_file;
using test::utc;
using test::value;

constexpr std::uint64_t kSize = 10 * kChunk + 77;

class SwitchingTest : public test::InPlaceTest {
 protected:
  void leave_hole(ByteRange range) {
    const auto fd = value(open_fd(AT_FDCWD, data("file"), O_RDWR));
    ASSERT_EQ(::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                          static_cast<off_t>(range.begin), static_cast<off_t>(range.size())),
              0);
  }
  void use_unprivileged();
};
LM_ON_ALL_FILE_SYSTEMS(SwitchingTest);

TEST_P(SwitchingTest, NothingIsLostAndNoHoleStays) {
  start(false);
  list({listed_file("file", kSize, utc(1'000'000'007)), listed_file("other", kChunk)});
  fill(*file("file"), {2 * kChunk, 4 * kChunk});
  start(true);
  EXPECT_FALSE(value(cache_->is_placed(kRootId)));
  place();
  EXPECT_EQ(file("file")->present_bytes(), 2 * kChunk);
  expect_present("file", {2 * kChunk, 4 * kChunk});
  if (shares_blocks()) expect_no_hole("file");
  EXPECT_EQ(stat_of("file").st_mtim.tv_sec, 1'000'000'007);
  EXPECT_EQ(stat_of("file").st_mode & 07777u, 0444u);
  EXPECT_TRUE(is_current("file"));
  fill(*file("file"), {8 * kChunk, kSize});
  fill(*file("other"), {0, kChunk});
  start(false);
  EXPECT_FALSE(value(cache_->is_placed(kRootId)));
  expect_bytes(*file("file"), {2 * kChunk, 4 * kChunk});
  expect_bytes(*file("file"), {8 * kChunk, kSize});
  expect_bytes(*file("other"), {0, kChunk});
  fill(*file("file"), {0, 2 * kChunk});
  start(true);
  const auto placement = place();
  EXPECT_EQ(placement.kept, 2u);
  fill(*file("file"), {0, kSize});
  expect_present("file", {0, kSize});
  expect_present("other", {0, kChunk});
}

TEST_P(SwitchingTest, ARunThatIsNotInPlaceRemovesWhatIsGone) {
  list({listed_file("file", kSize), listed_file("goes", 10), listed_directory("sub")});
  const auto sub = id_of("sub");
  list({listed_file("deep", 10)}, sub);
  place();
  place(sub);
  start(false);
  list({listed_file("file", kSize + 1)});
  EXPECT_EQ(names(), std::set<std::string>{});
  fill(*file("file"), {0, kSize + 1}, 1);
  start(true);
  place();
  EXPECT_EQ(names(), std::set<std::string>{"file"});
  expect_present("file", {0, kSize + 1}, 1);
}

// Found by the model (seed 3632769963): what was fetched into the old directory went with it.
TEST_P(SwitchingTest, WhatIsFetchedIntoADirectoryThatCameBackStays) {
  list({listed_directory("sub")});
  list({listed_directory("deep")}, id_of("sub"));
  place();
  place(id_of("sub"));
  list({});
  list({listed_directory("sub")});  // another one, which is not placed any more
  const auto sub = id_of("sub");
  list({listed_directory("deep")}, sub);
  const auto deep = id_of("deep", sub);
  list({listed_file("file", kSize)}, deep);
  start(false);
  fill(*value(cache_->file(id_of("file", deep))), {0, kSize}, 1);
  start(true);
  for (const auto directory : {kRootId, sub, deep}) place(directory);
  EXPECT_EQ(value(cache_->file(id_of("file", deep)))->present_bytes(), kSize);
  expect_present("sub/deep/file", {0, kSize}, 1);
  EXPECT_TRUE(is_current("sub") && is_current("sub/deep"));
}

TEST_P(SwitchingTest, KilledInPlaceItNeedsNoSecondLook) {
  list({listed_file("file", kSize)});
  place();
  fill(*file("file"), {0, kChunk});
  expect_ok(cache_->flush());
  crash("boot1");
  EXPECT_TRUE(value(cache_->is_placed(kRootId)));
  EXPECT_TRUE(is_current("file"));
  expect_bytes(*file("file"), {0, kChunk});
}

TEST_P(SwitchingTest, AfterAPowerLossAllIsLookedAtAgain) {
  list({listed_file("file", kSize)});
  place();
  fill(*file("file"), {0, kSize});
  expect_ok(cache_->flush());
  crash("boot2");
  EXPECT_FALSE(value(cache_->is_placed(kRootId)));
  leave_hole({2 * kChunk, 3 * kChunk});
  place();
  if (shares_blocks()) {
    expect_no_hole("file");
    EXPECT_FALSE(file("file")->is_present({2 * kChunk, 2 * kChunk + 1}));
  }
  EXPECT_EQ(file("file")->first_missing({0, kSize}), (ByteRange{2 * kChunk, 3 * kChunk}));
  expect_bytes(*file("file"), {0, 2 * kChunk});
  expect_bytes(*file("file"), {3 * kChunk, kSize});
  fill(*file("file"), {2 * kChunk, 3 * kChunk});
  expect_present("file", {0, kSize});
  EXPECT_TRUE(value(cache_->is_placed(kRootId)));
}

TEST_P(SwitchingTest, ADamagedCatalogLeavesNothingToBelieveIn) {
  list({listed_file("file", kSize, utc(5))});
  place();
  fill(*file("file"), {0, kSize});
  cache_.reset();
  std::filesystem::resize_file(options().directory + "/meta/catalog.db", 100);
  std::filesystem::remove(options().directory + "/meta/catalog.db-wal");
  start();
  list({listed_file("before", 3), listed_file("file", kSize, utc(5))});
  place();
  EXPECT_EQ(file("file")->present_bytes(), 0u);
  EXPECT_TRUE(is_current("file"));
  EXPECT_EQ(names(), (std::set<std::string>{"before", "file"}));
}

TEST_P(SwitchingTest, ADamagedCatalogLeavesNoBlocksBehind) {
  list({listed_file("file", kSize), listed_directory("sub")});
  list({listed_file("deep", kSize)}, id_of("sub"));
  place();
  place(id_of("sub"));
  fill(*file("file"), {0, kSize});
  fill(*value(cache_->file(id_of("deep", id_of("sub")))), {0, kSize});
  cache_.reset();
  std::filesystem::resize_file(options().directory + "/meta/catalog.db", 100);
  start();
  EXPECT_EQ(names(), std::set<std::string>{});
}

void SwitchingTest::use_unprivileged() {
  list({listed_file("file", kSize, utc(5)), listed_directory("sub")});
  place();
  fill(*file("file"), {0, kChunk});
  start();
  fill(*file("file"), {kChunk, kSize});
  expect_present("file", {0, kSize});
  EXPECT_TRUE(file("file")->is_complete());
  EXPECT_EQ(stat_of("file").st_mode & 07777u, 0444u);
  EXPECT_EQ(stat_of("sub").st_mode & 07777u, 0755u);
  start();
  EXPECT_TRUE(is_current("file"));
  expect_ok(cache_->evict(id_of("file"), guards_));
  fill(*file("file"), {0, kSize}, 1);
  expect_present("file", {0, kSize}, 1);
  EXPECT_EQ(stat_of("file").st_mtim.tv_sec, 5);
  EXPECT_EQ(cache_->can_poison(), shares_blocks());
}

TEST_P(SwitchingTest, AnOwnerWithoutPrivilegesCanDoItAll) {
  without_privileges([this] { use_unprivileged(); });
}

}  // namespace
}  // namespace lazymirror
