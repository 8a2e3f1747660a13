// SPDX-License-Identifier: Apache-2.0
//
// A cache in place under everything at once: listings that change, placing,
// filling, evicting and discarding, beside readers who do as the fanotify
// worker does: identify, fill what is missing, then let the reader go.
#include <atomic>
#include <thread>

#include "cache/data_tree.h"
#include "unit/cache/in_place_fixture.h"

namespace lazymirror {
namespace {

using test::kChunk;
using test::value;

constexpr std::uint64_t kSize = 2 * kChunk + 99;
constexpr unsigned kFiles = 4;
constexpr unsigned kVersions = 4;
constexpr int kReads = 400;

class InPlaceThreadsTest : public test::InPlaceTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(test::InPlaceTest::SetUp());
    if (IsSkipped()) return;
    for (unsigned v = 0; v < kVersions; ++v) truths_.push_back(test::bytes_of({0, kSize}, v));
    relist();
    place();
  }
  static std::string name_of(unsigned i) { return "file" + std::to_string(i % kFiles); }
  // Every other file becomes a new generation.
  void relist() {
    std::vector<ListedEntry> entries;
    const unsigned version = round_++;
    for (unsigned i = 0; i < kFiles; ++i) {
      const unsigned own = i % 2 == 0 ? version : 0;  // every other one stays
      entries.push_back(test::listed_file(name_of(i), kSize, test::utc(1'000'000 + own)));
    }
    list(std::move(entries));
  }
  const std::vector<std::byte>& truth_of(unsigned i, std::uint64_t generation) const {
    return truths_[i % kFiles % 2 == 0 ? (generation - 1) % kVersions : 0];
  }
  void read_one(unsigned i);
  void change_one(unsigned i);

  std::vector<std::vector<std::byte>> truths_;
  unsigned round_ = 0;
  std::atomic<int> reads_{0}, given_up_{0}, evicted_{0}, placed_{0};
};
LM_ON_ALL_FILE_SYSTEMS(InPlaceThreadsTest);

void InPlaceThreadsTest::read_one(unsigned i) {
  const UniqueFd reader(::open(data(name_of(i)).c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(reader.valid()) << "names never go";
  struct stat st {};
  ASSERT_EQ(::fstat(reader.get(), &st), 0);
  ASSERT_EQ(st.st_size, static_cast<off_t>(kSize));
  const auto stamp = read_stamp(reader.get());
  ASSERT_TRUE(stamp);
  const auto& truth = truth_of(i, stamp->generation);
  const auto identity = value(cache_->identify(reader.get()));
  ASSERT_TRUE(identity);
  if (!identity->current) return;  // EIO
  const auto f = cache_->file(identity->id);
  if (!f) return;
  const auto missing = (*f)->first_missing({0, kSize});
  if (missing) {
    const auto writer = (*f)->write_from(missing->begin);
    if (!writer) return;
    // The origin tells the version that was asked for.
    const std::span all(truth_of(i, (*f)->generation()));
    const auto rest = all.subspan(missing->begin, missing->size());
    if (!(*writer)->append(rest)) return;
  }
  // As the worker: whether what was filled is still what the reader has open.
  // While it is open nobody evicts it.
  if ((*f)->first_missing({0, kSize})) return;
  const auto again = value(cache_->identify(reader.get()));
  if (!again || !again->current) return;
  ASSERT_TRUE(raw(reader, {0, kSize}) == truth) << "wrong bytes";
  ++reads_;
}

void InPlaceThreadsTest::change_one(unsigned i) {
  const auto id = id_of(name_of(i));
  switch (i % 8) {
    case 0: relist(); break;
    case 1:
      if (const auto f = cache_->file(id); f && (*f)->discard()) ++given_up_;
      break;
    case 2:
    case 3:
      place();
      ++placed_;
      break;
    default:
      if (cache_->evict(id, guards_)) ++evicted_;
  }
}

TEST_P(InPlaceThreadsTest, NobodySeesAWrongByte) {
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (unsigned i = t; !done && !HasFatalFailure(); ++i) read_one(i);
    });
  }
  threads.emplace_back([&] {
    for (unsigned i = 0; !done; ++i) place(), ++placed_;
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(180);
  for (unsigned i = 0; !HasFailure() && std::chrono::steady_clock::now() < deadline; ++i) {
    if (reads_ >= kReads && evicted_ >= 20 && given_up_ >= 20) break;
    change_one(i);
  }
  done = true;
  for (auto& thread : threads) thread.join();
  EXPECT_GE(reads_, kReads);
  EXPECT_GE(evicted_, 20);
  EXPECT_GE(given_up_, 20);
  relist();
  EXPECT_TRUE(place().complete());
  for (unsigned i = 0; i < kFiles; ++i) EXPECT_TRUE(is_current(name_of(i)));
}

}  // namespace
}  // namespace lazymirror
