// SPDX-License-Identifier: Apache-2.0
//
// Walks over a tree that is listed nowhere, step by step as recorded of tools:
// what would they find fetched, and what is fetched in vain?
#include "fetch/listing_look_ahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace lazymirror {
namespace {

using Id = ListingLookAhead::Id;

constexpr Id kRoot = 1;

class ListingLookAheadTest : public ::testing::Test, public ListingLookAhead::Tree {
 protected:
  // Adds `count` subdirectories; ids ascend in the order of calls.
  std::vector<Id> grow(Id directory, std::size_t count) {
    std::vector<Id>& children = children_[directory];
    for (std::size_t i = 0; i < count; ++i) {
      parents_[++last_id_] = directory;
      children.push_back(last_id_);
    }
    return children;
  }

  std::vector<Id> unlisted(Id directory, Id after, std::size_t limit) override {
    std::vector<Id> ids;
    if (!listed_.contains(directory)) return ids;
    const std::vector<Id>& children = children_[directory];
    auto child = std::upper_bound(children.begin(), children.end(), after);
    for (; child != children.end() && ids.size() < limit; ++child) {
      if (!listed_.contains(*child)) ids.push_back(*child);
    }
    return ids;
  }

  // Somebody lists it; all that is asked for then comes before his next step.
  void visit(Id directory) {
    misses_ += listed_.insert(directory).second ? 1 : 0;
    visited_.insert(directory);
    fetch(look_ahead_.on_visit(directory, parents_[directory]));
  }
  void fetch(std::vector<Id> hints) {
    while (!hints.empty()) {
      std::vector<Id> more;
      for (const Id id : hints) {
        ++fetched_;
        EXPECT_TRUE(listed_.insert(id).second) << id << " is asked for twice";
        for (const Id next : look_ahead_.on_arrival(id, parents_[id])) more.push_back(next);
      }
      hints = std::move(more);
    }
  }
  void depth_first(Id directory) {
    visit(directory);
    for (const Id child : children_[directory]) depth_first(child);
  }
  [[nodiscard]] std::size_t in_vain() const {
    return static_cast<std::size_t>(std::count_if(listed_.begin(), listed_.end(),
                                                  [&](Id id) { return !visited_.contains(id); }));
  }

  std::map<Id, std::vector<Id>> children_;
  std::map<Id, Id> parents_{{kRoot, kRoot}};
  Id last_id_ = kRoot;
  std::set<Id> listed_, visited_;
  std::size_t misses_ = 0, fetched_ = 0;
  ListingLookAhead look_ahead_{*this};
};

TEST_F(ListingLookAheadTest, ListingOneDirectoryCostsAFewOfItsChildren) {
  grow(kRoot, 100'000);
  visit(kRoot);
  visit(kRoot);
  EXPECT_EQ(fetched_, ListingLookAhead::kFirst);
}

TEST_F(ListingLookAheadTest, FindOverAWideTreeWaitsForTheRootOnly) {
  for (const Id child : grow(kRoot, 200)) grow(child, 0);
  depth_first(kRoot);
  EXPECT_EQ(misses_, 1u);
  EXPECT_EQ(in_vain(), 0u);
}

TEST_F(ListingLookAheadTest, FindOverAHugeDirectoryStaysBehindItsWindow) {
  const auto children = grow(kRoot, 100'000);
  visit(kRoot);
  for (std::size_t i = 0; i < 500; ++i) visit(children[i]);
  EXPECT_EQ(misses_, 1u);
  EXPECT_LE(in_vain(), ListingLookAhead::kLargest);
}

TEST_F(ListingLookAheadTest, FindOverADeepTreeFindsMostOfItFetched) {
  for (const Id a : grow(kRoot, 10)) {
    for (const Id b : grow(a, 10)) grow(b, 10);
  }
  depth_first(kRoot);
  EXPECT_LE(misses_, 5u) << "of 1,111";
  EXPECT_EQ(in_vain(), 0u);
}

TEST_F(ListingLookAheadTest, ListingLevelByLevelFindsMostOfItFetched) {
  for (const Id a : grow(kRoot, 10)) {
    for (const Id b : grow(a, 10)) grow(b, 10);
  }
  for (std::vector<Id> level{kRoot}, below; !level.empty(); level.swap(below)) {
    below.clear();
    for (const Id id : level) {
      visit(id);
      for (const Id child : children_[id]) below.push_back(child);
    }
  }
  EXPECT_LE(misses_, 20u) << "of 1,111";
}

TEST_F(ListingLookAheadTest, AnOrderThatIsNotTheListingsIsFollowedToo) {
  auto children = grow(kRoot, 200);
  std::shuffle(children.begin(), children.end(), std::mt19937(1));
  visit(kRoot);
  for (const Id child : children) visit(child);
  EXPECT_LE(misses_, 8u);
  EXPECT_EQ(in_vain(), 0u);
}

TEST_F(ListingLookAheadTest, AWalkOverSomeOfTheChildrenBeginsAtTheSecondOne) {
  const auto children = grow(kRoot, 1'000);
  listed_.insert(kRoot);  // long ago
  for (std::size_t i = 500; i < 600; ++i) visit(children[i]);
  EXPECT_LE(misses_, 2u);
  EXPECT_LE(in_vain(), 500u) << "nothing before the first one";
}

TEST_F(ListingLookAheadTest, AUserWhoWalksDownGetsEachDirectorysFirstChildren) {
  Id at = kRoot;
  for (int depth = 0; depth < 5; ++depth) {
    const auto children = grow(at, 40);
    visit(at);
    at = children[3];
  }
  EXPECT_EQ(misses_, 1u);
  EXPECT_LE(fetched_, 5 * ListingLookAhead::kFirst);
}

// A file manager counts the names in each directory that it shows.
TEST_F(ListingLookAheadTest, AFileManagerThatLooksIntoEachChildCostsNoMoreThanThat) {
  for (const Id child : grow(kRoot, 60)) grow(child, 30);
  visit(kRoot);
  for (const Id child : children_[kRoot]) visit(child);
  EXPECT_EQ(misses_, 1u);
  EXPECT_LE(in_vain(), ListingLookAhead::kLargest + 60 * ListingLookAhead::kFirst);
}

TEST_F(ListingLookAheadTest, WhoTakesEveryTenthChildCostsOneWindow) {
  const auto children = grow(kRoot, 50'000);
  visit(kRoot);
  for (std::size_t i = 0; i < children.size(); i += 10) visit(children[i]);
  EXPECT_LE(in_vain(), ListingLookAhead::kLargest);
}

TEST_F(ListingLookAheadTest, TwoWalksAreToldApart) {
  const auto tops = grow(kRoot, 2);
  for (const Id top : tops) grow(top, 100);
  for (const Id top : tops) visit(top);
  for (std::size_t i = 0; i < 100; ++i) {
    for (const Id top : tops) visit(children_[top][i]);
  }
  EXPECT_LE(misses_, 3u);
}

}  // namespace
}  // namespace lazymirror
