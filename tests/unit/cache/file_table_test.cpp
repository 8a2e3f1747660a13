// SPDX-License-Identifier: Apache-2.0
#include "cache/file_table.h"

#include <fcntl.h>

#include "base/file_io.h"
#include "cache_fixture.h"

namespace lazymirror {
namespace {

using test::value;

class FileTableTest : public testing::Test {
 protected:
  FileTableTest() {
    auto fd = [&] { return value(open_fd(AT_FDCWD, directory_.path(), O_RDONLY | O_DIRECTORY)); };
    context_ = std::make_shared<FileContext>(value(Catalog::open(directory_.path() + "/c.db", "b")),
                                             fd(), fd(), Duration(3'600'000));
  }
  std::shared_ptr<DataFile> make(EntryId id, TreePath path = {"x"}) {
    FileRecord record;
    record.id = id;
    record.version.size = 100;
    return value(DataFile::open(context_, record, std::move(path)));
  }

  test::TemporaryDirectory directory_;
  std::shared_ptr<FileContext> context_;
};

TEST_F(FileTableTest, KeepsAsManyIdleFilesAsAllowed) {
  FileTable table(2);
  for (EntryId id : {1, 2, 3}) (void)table.insert(make(id));
  EXPECT_FALSE(table.find(1));
  EXPECT_TRUE(table.find(2));
  EXPECT_TRUE(table.find(3));
  (void)table.find(2);
  (void)table.insert(make(4));
  EXPECT_TRUE(table.find(2)) << "used more recently than 3";
  EXPECT_FALSE(table.find(3));
}

TEST_F(FileTableTest, HeldFilesStayTheSameObject) {
  FileTable table(1);
  const auto held = table.insert(make(1));
  (void)table.insert(make(2));
  EXPECT_EQ(table.find(1), held);
  EXPECT_EQ(table.insert(make(1)), held);
}

TEST_F(FileTableTest, RetiredFilesLeaveTheTable) {
  FileTable table(10);
  const auto held = table.insert(make(1));
  table.retire(1);
  EXPECT_FALSE(table.find(1));
  const auto next = table.insert(make(1));
  EXPECT_NE(next, held);
  table.retire(99);
}

TEST_F(FileTableTest, RetiresWholeDirectories) {
  FileTable table(10);
  (void)table.insert(make(1, {"a", "x"}));
  (void)table.insert(make(2, {"a", "b", "y"}));
  (void)table.insert(make(3, {"ab", "z"}));
  (void)table.insert(make(4, {"a"}));
  table.retire_below({"a"});
  EXPECT_FALSE(table.find(1));
  EXPECT_FALSE(table.find(2));
  EXPECT_TRUE(table.find(3));
  EXPECT_TRUE(table.find(4));
}

TEST_F(FileTableTest, DroppingIdleFilesKeepsTheHeldOnes) {
  FileTable table(10);
  const auto held = table.insert(make(1));
  (void)table.insert(make(2));
  table.drop_idle();
  EXPECT_EQ(table.find(1), held);
  EXPECT_FALSE(table.find(2));
}

TEST_F(FileTableTest, ManyFilesGoneLeaveNoTrace) {
  FileTable table(3);
  for (EntryId id = 1; id < 3'000; ++id) (void)table.insert(make(id));
  EXPECT_TRUE(table.find(2'999));
  EXPECT_FALSE(table.find(1));
}

}  // namespace
}  // namespace lazymirror
