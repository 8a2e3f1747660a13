// SPDX-License-Identifier: Apache-2.0
#include "fuse/node_table.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <set>
#include <thread>
#include <vector>

namespace lazymirror::fuse {
namespace {

Attributes file(EntryId id, std::uint64_t generation = 1, bool complete = false) {
  return {.id = id, .generation = generation, .size = id * 10, .complete = complete};
}
Attributes directory(EntryId id) { return {.id = id, .kind = EntryKind::directory}; }

TEST(NodeTableTest, HoldsTheRootFromTheStartAndForEver) {
  NodeTable table;
  table.forget(kRootNode, 1'000);
  ASSERT_TRUE(table.find(kRootNode));
  EXPECT_EQ(table.find(kRootNode)->id, kRootId);
  EXPECT_EQ(table.find(kRootNode)->kind, EntryKind::directory);
  EXPECT_EQ(table.find_directory(kRootId), kRootNode);
}

TEST(NodeTableTest, GivesTheSameNodeForTheSameVersion) {
  NodeTable table;
  const NodeId node = table.look_up(file(7));
  EXPECT_EQ(table.look_up(file(7)), node);
  EXPECT_EQ(table.find(node)->id, 7U);
  EXPECT_EQ(table.find(node)->size, 70U);
}

TEST(NodeTableTest, GivesAnotherNodeForAnotherGeneration) {
  NodeTable table;
  const NodeId old = table.look_up(file(7, 1));
  const NodeId fresh = table.look_up(file(7, 2));
  EXPECT_NE(old, fresh);
  EXPECT_EQ(table.find(old)->generation, 1U);
  EXPECT_EQ(table.find(fresh)->generation, 2U);
}

TEST(NodeTableTest, GivesAnotherNodeForTheCompleteForm) {
  NodeTable table;
  const NodeId partial = table.look_up(file(7));
  EXPECT_TRUE(table.knows_partial(7));
  const NodeId complete = table.look_up(file(7, 1, true));
  EXPECT_NE(partial, complete);
  EXPECT_FALSE(table.find(partial)->complete);
  EXPECT_TRUE(table.find(complete)->complete);
  table.forget(partial, 1);
  EXPECT_FALSE(table.knows_partial(7));
  EXPECT_TRUE(table.knows(7));
}

TEST(NodeTableTest, KeepsOneNodeForADirectoryWhateverChanges) {
  NodeTable table;
  Attributes attributes = directory(5);
  const NodeId node = table.look_up(attributes);
  attributes.generation = 9;
  attributes.mtime_ns = 42;
  EXPECT_EQ(table.look_up(attributes), node);
  EXPECT_EQ(table.find(node)->mtime_ns, 42);
  EXPECT_EQ(table.find_directory(5), node);
  EXPECT_FALSE(table.knows_partial(5));
}

TEST(NodeTableTest, ForgetsWhenAllLookupsAreGivenBack) {
  NodeTable table;
  const NodeId node = table.look_up(file(7));
  table.look_up(file(7));
  table.look_up(file(7));
  table.forget(node, 2);
  EXPECT_TRUE(table.find(node));
  table.forget(node, 1);
  EXPECT_FALSE(table.find(node));
  EXPECT_FALSE(table.knows(7));
  EXPECT_EQ(table.size(), 1U) << "the root is left";
}

TEST(NodeTableTest, NeverGivesAForgottenIdToAnotherEntry) {
  NodeTable table;
  const NodeId first = table.look_up(file(7));
  table.forget(first, 1);
  const NodeId second = table.look_up(file(8));
  EXPECT_NE(first, second);
  EXPECT_FALSE(table.find(first));
  table.forget(first, 1);  // a late one for what is gone
  EXPECT_EQ(table.find(second)->id, 8U);
}

TEST(NodeTableTest, KnowsNothingOfIdsItNeverGave) {
  NodeTable table;
  for (const NodeId id : {NodeId{0}, NodeId{2}, NodeId{1} << 32U | 1U, ~NodeId{0}}) {
    EXPECT_FALSE(table.find(id)) << id;
    table.forget(id, 1);
    table.mark(id, NodeTable::Mark::listed);
    EXPECT_FALSE(table.is_marked(id, NodeTable::Mark::listed)) << id;
  }
}

TEST(NodeTableTest, ForgetsMarksWithTheNode) {
  NodeTable table;
  const NodeId node = table.look_up(file(7));
  table.mark(node, NodeTable::Mark::ordinary);
  EXPECT_TRUE(table.is_marked(node, NodeTable::Mark::ordinary));
  EXPECT_FALSE(table.is_marked(node, NodeTable::Mark::listed));
  table.forget(node, 1);
  EXPECT_FALSE(table.is_marked(table.look_up(file(7)), NodeTable::Mark::ordinary));
}

TEST(NodeTableTest, HoldsAHundredThousandNodesInTenMegabytes) {
  const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  NodeTable table;
  std::set<NodeId> ids;
  for (EntryId id = 2; id < 100'002; ++id) ids.insert(table.look_up(file(id)));
  EXPECT_EQ(ids.size(), 100'000U);
  ids.clear();
  const std::size_t used = mallinfo2().uordblks + mallinfo2().hblkhd - before;
  EXPECT_LT(used, 11U << 20U);
  for (EntryId id = 2; id < 100'002; id += 997) {
    EXPECT_EQ(table.find(table.look_up(file(id)))->id, id);
  }
}

TEST(NodeTableTest, CountsRightUnderManyThreads) {
  NodeTable table;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        std::vector<NodeId> held;
        for (EntryId id = 2; id < 52; ++id) held.push_back(table.look_up(file(id)));
        for (const NodeId node : held) table.forget(node, 1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(table.size(), 1U);
}

}  // namespace
}  // namespace lazymirror::fuse
