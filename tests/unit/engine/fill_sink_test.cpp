// SPDX-License-Identifier: Apache-2.0
//
// Two transfers into one file, in the order that the test chooses.
#include "engine/fill_sink.h"

#include "engine_fixture.h"
#include "support/truth.h"

namespace lazymirror::testing {
namespace {

class Observer final : public TransferObserver {
 public:
  explicit Observer(const Cache& cache) : cache_(cache) {}
  bool on_present(ByteRange) override {
    written_to = cache_.is_written_to();
    return true;
  }
  void on_range(ByteRange) override {}
  void on_end(Result<> r) override { result = std::move(r); }
  [[nodiscard]] bool is_urgent() const override { return true; }

  std::optional<Result<>> result;
  std::optional<bool> written_to;  // when bytes were last said to be present

 private:
  const Cache& cache_;
};

class Events final : public FileEvents {
 public:
  void read_range(RangeRequest, std::shared_ptr<RangeSink>) override {}
  void admit(std::uint64_t bytes, Completion<RoomPtr> done) override { done(try_admit(bytes)); }
  RoomPtr try_admit(std::uint64_t bytes) override {
    *promised += bytes;
    return std::make_unique<Room>(promised, bytes);
  }
  bool ranges_supported() override { return false; }
  void answered() override {}
  void completed(const MirrorFile&) override {}
  void changed(const MirrorFile&, const std::optional<Version>&) override { ++changes; }
  void disk_is_full() override {}
  bool is_cache_full() override { return false; }

  const Room::Promised promised = std::make_shared<std::atomic<std::uint64_t>>(0);
  int changes = 0;
};

class FillSinkTest : public ::testing::Test {
 protected:
  static constexpr ByteRange kWhole{0, kMiB};

  FillSinkTest() {
    auto opened =
        Cache::open({directory_ / "cache", "http://o.test/", Duration(100), 100, ""}, clock_);
    if (!opened) throw std::runtime_error(opened.error().message);
    cache_ = std::move(*opened);
    ListedEntry listed{*EntryName::make("a"), "a", EntryKind::file, kMiB, std::nullopt};
    if (!cache_->store_listing(kRootId, std::span(&listed, 1), 0)) throw std::runtime_error("list");
    const Entry entry = cache_->catalog().find(kRootId, "a")->value();
    file_ = std::make_shared<MirrorFile>(entry, *FakeWeb::root().child("a", false),
                                         *cache_->file(entry.id), events_);
  }

  struct Transfer {
    std::shared_ptr<Observer> observer;
    std::unique_ptr<FillSink> sink;
  };
  Transfer begin(ByteRange asked) {
    auto observer = std::make_shared<Observer>(*cache_);
    auto room = events_.try_admit(asked.size());
    return {observer, std::make_unique<FillSink>(file_, asked, std::move(room), observer)};
  }
  static Result<> send(FillSink& sink, std::uint64_t version, ByteRange range) {
    std::vector<std::byte> bytes(range.size());
    oracle_fill("/a", version, range.begin, bytes);
    return sink.on_bytes(range.begin, bytes);
  }
  std::string read_all() {
    std::string bytes(kMiB, '\0');
    const auto n = file_->read(std::as_writable_bytes(std::span(bytes)), 0, false);
    bytes.resize(n.value_or(0));
    return bytes;
  }

  TempDir directory_;
  TestClock clock_;
  Events events_;
  std::unique_ptr<Cache> cache_;
  std::shared_ptr<MirrorFile> file_;
};

TEST_F(FillSinkTest, OfTwoWholeStreamsWithoutAValidatorOneIsTaken) {
  const Version none{kMiB, {}, {}};
  const auto part = begin({kMiB / 2, kMiB / 2 + kChunk});  // answered with all, as it turns out
  const auto whole = begin(kWhole);
  ASSERT_TRUE(part.sink->on_start(none, kWhole));
  EXPECT_TRUE(send(*part.sink, 1, {0, kChunk / 2}));
  auto refused = whole.sink->on_start(none, kWhole);
  ASSERT_FALSE(refused);
  whole.sink->on_end(std::move(refused));
  EXPECT_TRUE(whole.observer->result->has_value()) << "those who wait are to ask again";
  EXPECT_TRUE(send(*part.sink, 1, {kChunk / 2, kMiB}));
  part.sink->on_end({});
  EXPECT_TRUE(bytes_are("/a", 1, 0, read_all()));
  EXPECT_EQ(events_.changes, 0);
}

TEST_F(FillSinkTest, OneThatHasAValidatorDoesNotJoinOneThatHasNone) {
  const auto first = begin(kWhole);
  ASSERT_TRUE(first.sink->on_start({kMiB, {}, {}}, kWhole));
  const auto part = begin({0, kChunk});
  EXPECT_FALSE(part.sink->on_start({kMiB, "\"2\"", 5}, {0, kChunk}));
  const auto second = begin(kWhole);
  EXPECT_FALSE(second.sink->on_start({kMiB, "\"2\"", 5}, kWhole));
  EXPECT_TRUE(send(*first.sink, 1, kWhole));
  first.sink->on_end({});
  EXPECT_FALSE(file_->version().has_validator());
  EXPECT_TRUE(bytes_are("/a", 1, 0, read_all()));
}

// Linux runs no program that somebody has open for writing (ETXTBSY).
TEST_F(FillSinkTest, IsNoMoreOpenForWritingWhenItsLastBytesAreThere) {
  const Version version{kMiB, "\"1\"", 5};
  const auto first = begin({0, kMiB / 2});
  const auto second = begin({kMiB / 2, kMiB});
  ASSERT_TRUE(first.sink->on_start(version, {0, kMiB / 2}));
  ASSERT_TRUE(second.sink->on_start(version, {kMiB / 2, kMiB}));
  EXPECT_TRUE(send(*first.sink, 1, {0, kMiB / 2}));
  EXPECT_TRUE(send(*second.sink, 1, {kMiB / 2, kMiB - kChunk}));
  EXPECT_EQ(second.observer->written_to, true);
  EXPECT_TRUE(send(*second.sink, 1, {kMiB - kChunk, kMiB}));
  EXPECT_EQ(second.observer->written_to, false);
  EXPECT_EQ(send(*second.sink, 1, {0, 1}).error().code, Errc::bad_reply);
  EXPECT_TRUE(bytes_are("/a", 1, 0, read_all()));
}

TEST_F(FillSinkTest, TwoWholeStreamsOfOneValidatorMayBothWrite) {
  const Version same{kMiB, "\"1\"", 5};
  const auto first = begin(kWhole);
  const auto second = begin(kWhole);
  ASSERT_TRUE(first.sink->on_start(same, kWhole));
  ASSERT_TRUE(second.sink->on_start(same, kWhole));
  EXPECT_TRUE(send(*first.sink, 1, {0, kMiB / 2}));
  EXPECT_TRUE(send(*second.sink, 1, kWhole));
  EXPECT_TRUE(bytes_are("/a", 1, 0, read_all()));
}

// As a power loss or a damage can leave it.
TEST_F(FillSinkTest, NothingIsAddedBehindWhichBytesWaitThatWereNotCompared) {
  auto writer = file_->cached().write_from(kMiB / 2);
  ASSERT_TRUE(writer);
  std::vector<std::byte> bytes(kChunk);
  oracle_fill("/a", 1, kMiB / 2, bytes);
  ASSERT_TRUE((*writer)->append(bytes));
  writer->reset();
  const auto whole = begin(kWhole);
  ASSERT_TRUE(whole.sink->on_start({kMiB, {}, {}}, kWhole));
  auto refused = send(*whole.sink, 2, {0, kChunk});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::changed);
  whole.sink->on_end(std::move(refused));
  EXPECT_EQ(events_.changes, 1);
  EXPECT_FALSE(file_->is_present({0, 1}));
}

}  // namespace
}  // namespace lazymirror::testing
