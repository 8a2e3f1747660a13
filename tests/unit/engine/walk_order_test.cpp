// SPDX-License-Identifier: Apache-2.0
//
// /b.txt, /d/{z,a,e/x,m}, /f/{u/,q}, /c.txt in the order of the listings.
#include "engine/walk_order.h"

#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace lazymirror::testing {
namespace {

using Order = WalkOrder::Order;

class WalkOrderTest : public ::testing::Test {
 protected:
  WalkOrderTest() {
    auto opened = Catalog::open(directory_.path() + "/catalog.db", "boot");
    if (opened) catalog_ = std::move(*opened);
  }
  static ListedEntry listed(const std::string& name, EntryKind kind) {
    ListedEntry entry{*EntryName::make(name), name, kind, std::nullopt, std::nullopt};
    if (kind == EntryKind::file) entry.size = 1;
    return entry;
  }
  static ListedEntry file(const std::string& name) { return listed(name, EntryKind::file); }
  static ListedEntry folder(const std::string& name) { return listed(name, EntryKind::directory); }
  Entry find(EntryId parent, const std::string& name) { return **catalog_->find(parent, name); }
  EntryId put(EntryId directory, std::vector<ListedEntry> entries) {
    EXPECT_TRUE(catalog_->store_listing(directory, entries, 1, 2));
    return directory;
  }
  void make_tree(bool all_listed) {
    put(kRootId, {file("b.txt"), folder("d"), folder("f"), file("c.txt")});
    d_ = put(find(kRootId, "d").id, {file("z"), file("a"), folder("e"), file("m")});
    put(find(d_, "e").id, {file("x")});
    if (!all_listed) return;
    f_ = put(find(kRootId, "f").id, {folder("u"), file("q")});
    put(find(f_, "u").id, {});
  }
  // "name level"
  std::vector<std::string> after(Order order, const Entry& entry, std::size_t limit = 100) {
    std::vector<std::string> names;
    for (const auto& [file, level] : WalkOrder(*catalog_, order, entry).next(limit)) {
      names.push_back(file.name + " " + std::to_string(level));
    }
    return names;
  }

  TempDir directory_;
  std::unique_ptr<Catalog> catalog_;
  EntryId d_ = 0, f_ = 0;
};

using Names = std::vector<std::string>;

TEST_F(WalkOrderTest, ByListingGoesThroughDirectoriesWhereTheyStand) {
  make_tree(true);
  EXPECT_EQ(after(Order::listing, find(kRootId, "b.txt")),
            (Names{"z 0", "a 1", "x 1", "m 1", "q 0", "c.txt 0"}));
}

TEST_F(WalkOrderTest, ByNameGivesFilesBeforeSubdirectories) {
  make_tree(true);
  EXPECT_EQ(after(Order::name, find(d_, "a")), (Names{"m 1", "z 1", "x 1", "q 0"}));
}

TEST_F(WalkOrderTest, EndsWhereNothingIsKnown) {
  make_tree(false);
  EXPECT_EQ(after(Order::listing, find(d_, "z")), (Names{"a 1", "x 1", "m 1"}));
  EXPECT_EQ(after(Order::name, find(d_, "m")), (Names{"z 1", "x 1"}));
}

TEST_F(WalkOrderTest, TellsWhichDirectoryIsNotListed) {
  make_tree(false);
  WalkOrder walk(*catalog_, Order::listing, find(d_, "z"));
  EXPECT_EQ(walk.next(2).size(), 2u);
  EXPECT_EQ(walk.unlisted(), 0u) << "not come so far";
  EXPECT_EQ(walk.next(2).size(), 1u);
  EXPECT_EQ(walk.unlisted(), find(kRootId, "f").id);
}

TEST_F(WalkOrderTest, GivesNoMoreThanIsAskedFor) {
  make_tree(true);
  EXPECT_EQ(after(Order::listing, find(kRootId, "b.txt"), 3), (Names{"z 0", "a 1", "x 1"}));
  EXPECT_EQ(after(Order::name, find(d_, "a"), 1), (Names{"m 1"}));
}

}  // namespace
}  // namespace lazymirror::testing
