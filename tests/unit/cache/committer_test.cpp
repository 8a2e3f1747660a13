// SPDX-License-Identifier: Apache-2.0
#include "cache/committer.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file_io.h"
#include "cache_fixture.h"

namespace lazymirror {
namespace {

using test::value;

class FakeFile final : public Committable {
 public:
  explicit FakeFile(FileRecord record) : record_(std::move(record)) {}
  [[nodiscard]] std::optional<Snapshot> take_snapshot() override {
    ++snapshots;
    if (nothing_to_do) return std::nullopt;
    return Snapshot{record_, data};
  }
  void committed() override { ++commits; }
  void commit_failed() override { ++failures; }
  void data_lost(const Error& why) override { lost = why.os_errno; }

  std::shared_ptr<const UniqueFd> data;
  std::atomic<int> snapshots{0}, commits{0}, failures{0}, lost{0};
  std::atomic<bool> nothing_to_do{false};

 private:
  FileRecord record_;
};

class CommitterTest : public testing::Test {
 protected:
  CommitterTest() {
    std::vector<ListedEntry> entries;
    for (int i = 0; i < 40; ++i) entries.push_back(test::listed_file(std::to_string(i), 100));
    value(catalog_->store_listing(kRootId, entries, 1, 2));
    for (const Entry& entry : value(catalog_->children(kRootId))) ids_.push_back(entry.id);
  }
  std::shared_ptr<FakeFile> file(std::size_t index) {
    FileRecord record = *value(catalog_->load(ids_[index]));
    record.chunk_size = 64;
    record.map = {std::byte{1}};
    record.crcs = {7, 8};
    auto fake = std::make_shared<FakeFile>(std::move(record));
    const auto path = directory_.path() + "/file" + std::to_string(index);
    fake->data = std::make_shared<const UniqueFd>(value(open_fd(AT_FDCWD, path, O_RDWR | O_CREAT)));
    return fake;
  }
  bool is_committed(std::size_t index) { return !value(catalog_->load(ids_[index]))->map.empty(); }

  test::TemporaryDirectory directory_;
  std::unique_ptr<Catalog> catalog_ = value(Catalog::open(directory_.path() + "/c.db", "boot"));
  UniqueFd fd_ = value(open_fd(AT_FDCWD, directory_.path(), O_RDONLY | O_DIRECTORY));
  std::vector<EntryId> ids_;
};

TEST_F(CommitterTest, FlushCommitsWhatWasAdded) {
  Committer committer(*catalog_, fd_.get(), Duration(3'600'000));
  committer.add(file(0));
  test::expect_ok(committer.flush());
  EXPECT_TRUE(is_committed(0));
  EXPECT_FALSE(is_committed(1));
}

TEST_F(CommitterTest, ManyFilesAreSyncedTogether) {
  Committer committer(*catalog_, fd_.get(), Duration(3'600'000));
  for (std::size_t i = 0; i < ids_.size(); ++i) committer.add(file(i));
  test::expect_ok(committer.flush());
  for (std::size_t i = 0; i < ids_.size(); ++i) EXPECT_TRUE(is_committed(i)) << i;
}

TEST_F(CommitterTest, CommitsByItselfAfterTheInterval) {
  Committer committer(*catalog_, fd_.get(), Duration(1));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  committer.add(file(0));
  while (!is_committed(0) && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_TRUE(is_committed(0));
}

TEST_F(CommitterTest, StopCommitsALastTime) {
  Committer committer(*catalog_, fd_.get(), Duration(3'600'000));
  committer.add(file(0));
  test::expect_ok(committer.stop());
  EXPECT_TRUE(is_committed(0));
  committer.add(file(1));
  test::expect_ok(committer.flush());
  EXPECT_FALSE(is_committed(1)) << "nothing after the stop";
}

TEST_F(CommitterTest, FileThatCannotBeSyncedLosesItsBitsAndTheOthersDoNot) {
  Committer committer(*catalog_, fd_.get(), Duration(3'600'000));
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd other_end(ends[1]);
  auto bad = file(0);
  bad->data = std::make_shared<const UniqueFd>(ends[0]);  // fdatasync(2) of a pipe: EINVAL
  committer.add(bad);
  committer.add(file(1));
  EXPECT_FALSE(committer.flush());
  EXPECT_EQ(bad->lost, EINVAL);
  EXPECT_FALSE(is_committed(0));
  EXPECT_TRUE(is_committed(1));
}

TEST_F(CommitterTest, FileWithNothingToCommitIsLeftOut) {
  Committer committer(*catalog_, fd_.get(), Duration(3'600'000));
  auto idle = file(0);
  idle->nothing_to_do = true;
  committer.add(idle);
  test::expect_ok(committer.flush());
  EXPECT_EQ(idle->snapshots, 1);
  EXPECT_FALSE(is_committed(0));
}

}  // namespace
}  // namespace lazymirror
