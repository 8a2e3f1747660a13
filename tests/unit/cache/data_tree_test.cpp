// SPDX-License-Identifier: Apache-2.0
#include "cache/data_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/file_io.h"
#include "cache_fixture.h"

namespace lazymirror {
namespace {

namespace fs = std::filesystem;
using test::expect_ok;
using test::value;

class DataTreeTest : public testing::Test {
 protected:
  DataTreeTest() {
    fs::create_directory(root() + "/data");
    fs::create_directory(root() + "/tmp");
    tree_ = std::make_unique<DataTree>(open_directory("data"), open_directory("tmp"));
  }
  UniqueFd open_directory(const std::string& name) {
    return value(open_fd(AT_FDCWD, root() + "/" + name, O_RDONLY | O_DIRECTORY));
  }
  [[nodiscard]] const std::string& root() const { return directory_.path(); }
  [[nodiscard]] std::string data(const std::string& name) const { return root() + "/data/" + name; }
  [[nodiscard]] Result<UniqueFd> open(const TreePath& path) const {
    return tree_->open_file(path, O_RDWR);
  }
  void put(const TreePath& path, const Stamp& stamp) {
    const auto file = value(tree_->create(1000, stamp));
    expect_ok(tree_->place(file, path));
  }
  void expect_no_leftovers() { EXPECT_TRUE(fs::is_empty(root() + "/tmp")); }

  test::TemporaryDirectory directory_;
  std::unique_ptr<DataTree> tree_;
};

TEST_F(DataTreeTest, PlacedFileIsSparseStampedAndReadable) {
  const Stamp stamp{5, 2, 77};
  put({"a", "b", "file"}, stamp);
  struct stat st {};
  ASSERT_EQ(::stat(data("a/b/file").c_str(), &st), 0);
  EXPECT_EQ(st.st_size, 1000);
  EXPECT_EQ(st.st_blocks, 0);
  EXPECT_EQ(st.st_mode & 0444u, 0444u);
  EXPECT_EQ(read_stamp(value(open({"a", "b", "file"})).get()), (Stamp{5, 2, 77, st.st_ino}));
  expect_no_leftovers();
}

TEST_F(DataTreeTest, StampOfACopyIsNone) {
  put({"file"}, {5, 2, 77});
  const std::string copy = "cp -a " + data("file") + " " + data("copy");
  ASSERT_EQ(std::system(copy.c_str()), 0);
  EXPECT_FALSE(read_stamp(value(open({"copy"})).get()));
  EXPECT_FALSE(stamp_at(tree_->data_fd(), "copy"));
  EXPECT_EQ(stamp_at(tree_->data_fd(), "file"), read_stamp(value(open({"file"})).get()));
}

TEST_F(DataTreeTest, NewFileReplacesTheOldOneAndLeavesItToItsHolders) {
  put({"file"}, {5, 1, 1});
  const auto old = value(open({"file"}));
  put({"file"}, {5, 2, 2});
  EXPECT_EQ(read_stamp(old.get())->generation, 1u);
  EXPECT_EQ(read_stamp(value(open({"file"})).get())->generation, 2u);
}

TEST_F(DataTreeTest, FileTakesThePlaceOfADirectory) {
  put({"x", "deep", "er"}, {1, 1, 1});
  put({"x"}, {2, 1, 1});
  EXPECT_TRUE(fs::is_regular_file(data("x")));
  expect_no_leftovers();
}

TEST_F(DataTreeTest, DirectoryTakesThePlaceOfAFile) {
  put({"x"}, {1, 1, 1});
  put({"x", "deep"}, {2, 1, 1});
  EXPECT_TRUE(fs::is_regular_file(data("x/deep")));
  expect_no_leftovers();
}

TEST_F(DataTreeTest, SymbolicLinksAreNeverFollowed) {
  const std::string outside = root() + "/outside";
  fs::create_directory(outside);
  std::ofstream(outside + "/secret") << "secret";
  fs::create_directory_symlink(outside, data("link"));
  fs::create_symlink(outside + "/secret", data("file"));
  EXPECT_FALSE(open({"link", "secret"}));
  EXPECT_FALSE(open({"file"}));
  expect_ok(tree_->remove_directory({"link"}));
  put({"link", "secret"}, {1, 1, 1});
  put({"file"}, {2, 1, 1});
  std::string text;
  std::ifstream(outside + "/secret") >> text;
  EXPECT_EQ(text, "secret");
  EXPECT_EQ(std::distance(fs::directory_iterator(outside), {}), 1);
  EXPECT_TRUE(fs::is_directory(fs::symlink_status(data("link"))));
}

TEST_F(DataTreeTest, DotNamesCannotLeaveTheTree) {
  EXPECT_FALSE(open({"..", "tmp", "x"}));
  const auto file = value(tree_->create(1, {1, 1, 1}));
  EXPECT_FALSE(tree_->place(file, {"..", "escaped"}));
  EXPECT_FALSE(fs::exists(root() + "/escaped"));
}

TEST_F(DataTreeTest, OnlyRegularFilesAreOpened) {
  ASSERT_EQ(::mkfifo(data("fifo").c_str(), 0600), 0);
  EXPECT_EQ(open({"fifo"}).error().code, Errc::corrupt);
  fs::create_directory(data("d"));
  EXPECT_FALSE(open({"d"}));
}

TEST_F(DataTreeTest, TreesDeeperThanPathMaxWork) {
  TreePath path(40, std::string(200, 'n'));
  put(path, {1, 1, 9});
  EXPECT_EQ(read_stamp(value(open(path)).get())->tag, 9u);
  expect_ok(tree_->remove_directory({path[0]}));
  EXPECT_TRUE(fs::is_empty(root() + "/data"));
  expect_no_leftovers();
}

TEST_F(DataTreeTest, RemovesOnlyOlderFilesOfThatEntry) {
  put({"file"}, {5, 2, 1});
  expect_ok(tree_->remove_file({"file"}, 5, 2));
  EXPECT_TRUE(fs::exists(data("file"))) << "not older";
  expect_ok(tree_->remove_file({"file"}, 6, 9));
  EXPECT_TRUE(fs::exists(data("file"))) << "of another entry";
  expect_ok(tree_->remove_file({"file"}, 5, 3));
  EXPECT_FALSE(fs::exists(data("file")));
}

TEST_F(DataTreeTest, RemovingWhatIsNotThereIsNoError) {
  expect_ok(tree_->remove_file({"no", "file"}, 5, 2));
  expect_ok(tree_->remove_directory({"no", "directory"}));
  put({"file"}, {5, 2, 1});
  expect_ok(tree_->remove_directory({"file"}));
  EXPECT_TRUE(fs::exists(data("file"))) << "not a directory";
}

TEST_F(DataTreeTest, LeftoversOfAnEarlierRunGo) {
  fs::create_directories(root() + "/tmp/old/deep");
  std::ofstream(root() + "/tmp/old/deep/file") << "x";
  std::ofstream(root() + "/tmp/1") << "x";
  expect_ok(tree_->clean_temporary());
  expect_no_leftovers();
}

TEST_F(DataTreeTest, HugeFilesTakeNoSpace) {
  const auto file = value(tree_->create(std::uint64_t{1} << 40, {1, 1, 1}));
  struct stat st {};
  ASSERT_EQ(::fstat(file.fd.get(), &st), 0);
  EXPECT_EQ(st.st_blocks, 0);
  tree_->drop(file);
  expect_no_leftovers();
}

}  // namespace
}  // namespace lazymirror
