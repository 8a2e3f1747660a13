// SPDX-License-Identifier: Apache-2.0
#include "fetch/crawl_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace lazymirror {
namespace {

using Id = CrawlOrder::Id;

class Listed final : public CrawlOrder::Tree {
 public:
  std::vector<Id> subdirectories(Id directory, Id after, std::size_t limit) override {
    std::vector<Id> found;
    const auto& below = children[directory];
    for (auto it = below.upper_bound(after); it != below.end() && found.size() < limit; ++it) {
      found.push_back(*it);
    }
    largest = std::max(largest, found.size());
    return found;
  }
  std::map<Id, std::set<Id>> children;
  std::size_t largest = 0;  // page
};

std::vector<Id> one_by_one(CrawlOrder& order) {
  std::vector<Id> seen;
  while (const auto directory = order.next()) {
    seen.push_back(*directory);
    EXPECT_TRUE(order.listed(*directory));
  }
  return seen;
}

TEST(CrawlOrderTest, GoesDepthFirst) {
  Listed tree;
  tree.children = {{1, {2, 5}}, {2, {3, 4}}, {5, {6}}};
  CrawlOrder order(tree, true);
  order.add_root(1);
  EXPECT_EQ(one_by_one(order), (std::vector<Id>{1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(order.finished());
}

TEST(CrawlOrderTest, TakesRootsInTurn) {
  Listed tree;
  tree.children = {{1, {2}}, {7, {8}}};
  CrawlOrder order(tree, true);
  order.add_root(1);
  order.add_root(7);
  EXPECT_EQ(one_by_one(order), (std::vector<Id>{1, 2, 7, 8}));
}

TEST(CrawlOrderTest, NotRecursiveStaysAtItsRoots) {
  Listed tree;
  tree.children = {{1, {2, 3}}};
  CrawlOrder order(tree, false);
  order.add_root(1);
  EXPECT_EQ(one_by_one(order), (std::vector<Id>{1}));
  EXPECT_TRUE(order.finished());
}

TEST(CrawlOrderTest, WhatCannotBeListedIsLeftOut) {
  Listed tree;
  tree.children = {{1, {2, 3}}, {2, {4}}};
  CrawlOrder order(tree, true);
  order.add_root(1);
  ASSERT_TRUE(order.listed(*order.next()));
  order.left_out(*order.next());
  EXPECT_EQ(order.next(), Id{3});
  EXPECT_FALSE(order.next());
  EXPECT_FALSE(order.finished()) << "one is under way";
  order.left_out(3);
  EXPECT_TRUE(order.finished());
}

TEST(CrawlOrderTest, ListingsUnderWayDoNotHoldUpOthers) {
  Listed tree;
  tree.children = {{1, {2, 3, 4}}, {3, {9}}};
  CrawlOrder order(tree, true);
  order.add_root(1);
  ASSERT_TRUE(order.listed(*order.next()));
  EXPECT_EQ(order.next(), Id{2});
  EXPECT_EQ(order.next(), Id{3});
  ASSERT_TRUE(order.listed(3));
  EXPECT_EQ(order.next(), Id{9}) << "deeper ones first";
  EXPECT_EQ(order.next(), Id{4});
  EXPECT_EQ(order.under_way(), 3u);
}

// 10,000 directories beside each other, 100 in each, 64 listings under way.
TEST(CrawlOrderTest, AMillionDirectoriesTakeLittleMemory) {
  class Wide final : public CrawlOrder::Tree {
   public:
    std::vector<Id> subdirectories(Id directory, Id after, std::size_t limit) override {
      const Id count = directory == 1 ? 10'000 : directory < 1'000'000 ? 100 : 0;
      const Id first = directory == 1 ? 2 : directory * 1'000'000;
      std::vector<Id> found;
      for (Id id = std::max(first, after + 1); id < first + count && found.size() < limit; ++id) {
        found.push_back(id);
      }
      return found;
    }
  } tree;
  CrawlOrder order(tree, true);
  order.add_root(1);
  std::deque<Id> under_way;
  std::size_t seen = 0;
  std::size_t most = 0;
  for (;;) {
    while (under_way.size() < 64) {
      const auto next = order.next();
      if (!next) break;
      under_way.push_back(*next);
      ++seen;
    }
    if (under_way.empty()) break;
    ASSERT_TRUE(order.listed(under_way.front()));
    under_way.pop_front();
    most = std::max(most, order.places());
  }
  EXPECT_EQ(seen, 1u + 10'000 + 10'000 * 100);
  EXPECT_LE(most, 3u * 64);
  EXPECT_TRUE(order.finished());
}

TEST(CrawlOrderTest, ATreeThatLeadsIntoItselfEnds) {
  class Endless final : public CrawlOrder::Tree {
   public:
    std::vector<Id> subdirectories(Id directory, Id after, std::size_t) override {
      return after == 0 ? std::vector<Id>{directory + 1} : std::vector<Id>{};
    }
  } tree;
  CrawlOrder order(tree, true);
  order.add_root(1);
  std::size_t too_deep = 0;
  while (const auto next = order.next()) too_deep += order.listed(*next) ? 0 : 1;
  EXPECT_EQ(too_deep, 1u);
  EXPECT_TRUE(order.finished());
}

}  // namespace
}  // namespace lazymirror
