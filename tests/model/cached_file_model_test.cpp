// SPDX-License-Identifier: Apache-2.0
//
// CachedFile against a vector of bytes: random writes, reads, discards, new
// versions, restarts, and power losses with a data file damaged behind its
// back. Whatever happens, a byte that can be read is a byte of this version.
#include <fcntl.h>

#include <set>

#include "base/file_io.h"
#include "cache/record.h"
#include "model/random_steps.h"
#include "unit/cache/cache_fixture.h"

namespace lazymirror {
namespace {

using test::expect_ok;
using test::value;

constexpr std::uint64_t kChunk = 64u << 10;
constexpr std::uint64_t kSize = 12 * kChunk + 321;

class CachedFileModelTest : public testing::Test {
 protected:
  CachedFileModelTest() {
    start();
    publish();
  }
  void start() {
    CacheOptions options;
    options.directory = directory_.path();
    options.url = "http://example.org/";
    options.commit_interval = Duration(1 + random_.below(20));
    options.boot_id = "boot" + std::to_string(boot_);
    file_.reset();
    cache_.reset();
    cache_ = value(Cache::open(options, clock_));
  }
  void publish() {
    std::vector<ListedEntry> entries{test::listed_file("file", kSize, test::utc(++version_))};
    value(cache_->store_listing(kRootId, entries, 0));
    present_.clear();
    open();
  }
  void open() { file_ = value(cache_->file(value(cache_->catalog().find(kRootId, "file"))->id)); }
  void restart() {
    start();
    open();
  }
  // The catalog has not heard of a clean stop, and the disk has lost a piece.
  void lose_power();
  void write();
  void read();
  void check_map();
  void evict_tail();

  test::RandomSteps random_;
  test::TemporaryDirectory directory_;
  test::HandClock clock_;
  unsigned boot_ = 0;
  unsigned version_ = 0;
  std::unique_ptr<Cache> cache_;
  std::shared_ptr<CachedFile> file_;
  std::set<std::uint64_t> present_;  // chunks
};

void CachedFileModelTest::write() {
  const std::uint64_t first = random_.below(13);
  const std::uint64_t end = std::min(kSize, first * kChunk + random_.below(5 * kChunk));
  const auto bytes = test::bytes_of({first * kChunk, end}, version_);
  auto writer = value(file_->write_from(first * kChunk));
  for (std::size_t at = 0; at < bytes.size();) {
    const auto n = std::min<std::size_t>(bytes.size() - at, 1 + random_.below(100'000));
    const auto became = value(writer->append(std::span(bytes).subspan(at, n)));
    EXPECT_TRUE(file_->is_present(became));
    at += n;
  }
  for (std::uint64_t c = first; c * kChunk < end; ++c) {
    if (std::min(kSize, (c + 1) * kChunk) <= end) present_.insert(c);
  }
}

void CachedFileModelTest::read() {
  const std::uint64_t begin = random_.below(kSize);
  const ByteRange range = clipped(begin, 1 + random_.below(3 * kChunk), kSize);
  bool expected = true;
  for (auto c = range.begin / kChunk; c <= (range.end - 1) / kChunk; ++c) {
    expected &= present_.contains(c);
  }
  const auto got = test::read_bytes(*file_, range);
  ASSERT_EQ(got.has_value(), expected) << range.begin << " to " << range.end;
  if (!got) return;
  ASSERT_TRUE(*got == test::bytes_of(range, version_)) << "wrong bytes";
}

void CachedFileModelTest::check_map() {
  std::uint64_t bytes = 0;
  for (const auto c : present_) bytes += std::min(kChunk, kSize - c * kChunk);
  ASSERT_FALSE(file_->first_missing({0, kSize}).has_value() && present_.size() == 13);
  ASSERT_EQ(file_->present_bytes(), bytes);
  ASSERT_EQ(file_->is_complete(), present_.size() == 13);
  ASSERT_GE(cache_->stored_bytes(), occupied(bytes)) << "an older version may count for a while";
}

// The last chunks go, or none (what is not recorded yet does not go in part).
void CachedFileModelTest::evict_tail() {
  const EntryId id = value(cache_->catalog().find(kRootId, "file"))->id;
  const std::uint64_t wanted = 1 + random_.below(4 * kChunk);
  std::uint64_t given = value(cache_->evict_tail(id, wanted, nullptr));
  if (given == 0) return;
  std::uint64_t all = 0;
  for (const auto c : present_) all += std::min(kChunk, kSize - c * kChunk);
  ASSERT_GE(given, std::min(wanted, all));
  while (given > 0) {
    ASSERT_FALSE(present_.empty());
    given -= std::min(kChunk, kSize - *present_.rbegin() * kChunk);
    present_.erase(std::prev(present_.end()));
  }
}

void CachedFileModelTest::lose_power() {
  expect_ok(cache_->flush());
  const std::string meta = directory_.path() + "/meta";
  const std::string copy = directory_.path() + "/meta-copy";
  std::filesystem::copy(meta, copy, std::filesystem::copy_options::recursive);
  file_.reset();
  cache_.reset();
  std::filesystem::remove_all(meta);
  std::filesystem::rename(copy, meta);
  if (!present_.empty() && random_.one_in(2)) {
    const std::uint64_t chunk =
        *std::next(present_.begin(), static_cast<std::ptrdiff_t>(random_.below(present_.size())));
    const std::vector<std::byte> hole(std::min(std::uint64_t{300}, kSize - chunk * kChunk));
    const auto fd = value(open_fd(AT_FDCWD, directory_.path() + "/data/file", O_RDWR));
    expect_ok(pwrite_full(fd.get(), hole, chunk * kChunk));
    present_.erase(chunk);
  }
  ++boot_;
  restart();
}

TEST_F(CachedFileModelTest, NeverShowsAWrongByte) {
  SCOPED_TRACE(random_.seed_text());
  for (int step = 0; step < 700 && !HasFatalFailure(); ++step) {
    const auto choice = random_.below(100);
    if (choice < 35) {
      write();
    } else if (choice < 90) {
      read();
    } else if (choice < 92) {
      expect_ok(file_->discard());
      present_.clear();
    } else if (choice < 94) {
      random_.one_in(2) ? publish() : evict_tail();
    } else if (choice < 96) {
      restart();
    } else if (choice < 97) {
      lose_power();
    } else {
      expect_ok(cache_->flush());
      ASSERT_EQ(cache_->stored_bytes(), occupied(file_->present_bytes()));
    }
    check_map();
  }
}

}  // namespace
}  // namespace lazymirror
