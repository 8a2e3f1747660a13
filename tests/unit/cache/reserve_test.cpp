// SPDX-License-Identifier: Apache-2.0
//
// Cache::reserve() and release(): blocks for what is absent, while somebody has
// the file open.
#include <fcntl.h>
#include <sys/stat.h>

#include "unit/cache/in_place_fixture.h"

namespace lazymirror {
namespace {

using test::expect_ok;
using test::fill;
using test::kChunk;
using test::listed_file;
using test::utc;
using test::value;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kSize = 20 * kChunk + 77;

class ReserveTest : public test::InPlaceTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(test::InPlaceTest::SetUp());
    if (IsSkipped()) return;
    list({listed_file("file", kSize, utc(1'000'000'007)),
          listed_file("huge", std::uint64_t{2} << 30, utc(1'000'000'007))});
    place();
  }
  [[nodiscard]] std::uint64_t held(const std::string& name = "file") const {
    return static_cast<std::uint64_t>(stat_of(name).st_blocks) * 512;
  }
  Result<> reserve() { return cache_->reserve(id_of("file")); }
  Result<> release() { return cache_->release(id_of("file"), guards_); }
};
INSTANTIATE_TEST_SUITE_P(On, ReserveTest, ::testing::Values(testing::SmallFs::Kind::ext4),
                         test::name_of_fs);

TEST_P(ReserveTest, LeavesNoHolesThatToolsLookFor) {
  EXPECT_LT(held(), kSize);
  expect_ok(reserve());
  EXPECT_GE(held(), kSize);
  EXPECT_EQ(stat_of("file").st_mtim.tv_sec, 1'000'000'007);
  EXPECT_EQ(stat_of("file").st_size, static_cast<off_t>(kSize));
  EXPECT_FALSE(file("file")->is_present({0, 1})) << "blocks are no data";
  const auto before = stat_of("file");
  expect_ok(reserve());
  EXPECT_EQ(before.st_ctim.tv_nsec, stat_of("file").st_ctim.tv_nsec) << "there was nothing to do";
}

TEST_P(ReserveTest, IsGivenBackOnceNobodyHasTheFileOpen) {
  expect_ok(reserve());
  {
    const auto reader = open("file");
    const auto busy = release();
    ASSERT_FALSE(busy);
    EXPECT_EQ(busy.error().code, Errc::busy);
    EXPECT_GE(held(), kSize);
  }
  expect_ok(release());
  EXPECT_LT(held(), kChunk);
  EXPECT_EQ(stat_of("file").st_mtim.tv_sec, 1'000'000'007);
  EXPECT_THAT(cache_->reserved(), IsEmpty());
}

TEST_P(ReserveTest, KeepsWhatWasFilledMeanwhile) {
  expect_ok(reserve());
  fill(*file("file"), {3 * kChunk, 5 * kChunk});
  fill(*file("file"), {20 * kChunk, kSize});
  expect_ok(cache_->flush());
  expect_ok(release());
  EXPECT_LT(held(), 4 * kChunk);
  EXPECT_GE(held(), 2 * kChunk);
  EXPECT_TRUE(file("file")->is_present({3 * kChunk, 5 * kChunk}));
  expect_present("file", {3 * kChunk, 5 * kChunk});
  expect_present("file", {20 * kChunk, kSize});
  expect_ok(reserve());
  fill(*file("file"), {0, kSize});
  expect_ok(release());
  expect_present("file", {0, kSize});
}

TEST_P(ReserveTest, IsCountedAsLongAsItIsNotFilled) {
  EXPECT_EQ(cache_->reserved_bytes(), 0u);
  expect_ok(reserve());
  EXPECT_EQ(cache_->reserved_bytes(), kSize);
  fill(*file("file"), {0, 5 * kChunk});
  EXPECT_EQ(cache_->reserved_bytes(), kSize - 5 * kChunk);
  expect_ok(cache_->flush());
  expect_ok(release());
  EXPECT_EQ(cache_->reserved_bytes(), 0u);
}

TEST_P(ReserveTest, WaitsForWhoFills) {
  expect_ok(reserve());
  auto writer = value(file("file")->write_from(0));
  value(writer->append(test::bytes_of({0, kChunk / 2})));
  EXPECT_EQ(release().error().code, Errc::busy);
  value(writer->append(test::bytes_of({kChunk / 2, kChunk})));
  writer.reset();
  expect_ok(cache_->flush());
  expect_ok(release());
  expect_present("file", {0, kChunk});
}

TEST_P(ReserveTest, OfAKilledRunIsNoDataAndGivenBackByTheNext) {
  const EntryId id = id_of("file");
  fill(*file("file"), {kChunk, 2 * kChunk});
  expect_ok(cache_->flush());
  expect_ok(reserve());
  for (const char* boot : {"boot1", "boot2"}) {
    crash(boot);
    EXPECT_THAT(cache_->reserved(), ElementsAre(id));
    EXPECT_FALSE(file("file")->is_present({0, 1}));
    EXPECT_TRUE(file("file")->is_present({kChunk, 2 * kChunk}));
    EXPECT_GE(held(), kSize);
  }
  expect_ok(release());
  EXPECT_LT(held(), 3 * kChunk);
  expect_present("file", {kChunk, 2 * kChunk});
  EXPECT_THAT(cache_->reserved(), IsEmpty());
}

TEST_P(ReserveTest, WithoutRoomIsRefusedAndTakesNothing) {
  const auto refused = cache_->reserve(id_of("huge"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::no_space);
  EXPECT_LT(held("huge"), kChunk);
  EXPECT_THAT(cache_->reserved(), IsEmpty());
}

TEST_P(ReserveTest, EndsWithEviction) {
  expect_ok(reserve());
  expect_ok(cache_->evict(id_of("file"), guards_));
  EXPECT_LT(held(), kChunk);
  expect_ok(release());
  EXPECT_THAT(cache_->reserved(), IsEmpty());
}

class ReserveElsewhereTest : public ReserveTest {};
INSTANTIATE_TEST_SUITE_P(On, ReserveElsewhereTest,
                         ::testing::Values(testing::SmallFs::Kind::xfs,
                                           testing::SmallFs::Kind::btrfs),
                         test::name_of_fs);

TEST_P(ReserveElsewhereTest, NothingIsReserved) {
  expect_ok(reserve());
  expect_ok(cache_->reserve(id_of("huge")));
  EXPECT_THAT(cache_->reserved(), IsEmpty());
  expect_no_hole("file");
}

}  // namespace
}  // namespace lazymirror
