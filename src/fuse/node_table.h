// SPDX-License-Identifier: Apache-2.0
//
// The nodes that the kernel holds: what a node id of a request means. A node is
// one version of an entry, so that one kernel inode never holds the bytes of
// two versions; where completeness decides how a file is opened, its partial
// and its complete form are two nodes as well (the kernel refuses to mix
// cached and passthrough opens on one inode). All nodes of an entry share its
// st_ino.
//
// Node ids carry a counter of their slot's reuse, so that an id is not used
// again for something else within 2^32 turns of its slot.
//
// Threads: all members are safe from any thread. Memory: 72 bytes a node.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/guarded.h"
#include "engine/engine.h"

namespace lazymirror::fuse {

using NodeId = std::uint64_t;
inline constexpr NodeId kRootNode = 1;  // FUSE_ROOT_ID

class NodeTable {
 public:
  NodeTable();

  // The node of this version of the entry; it holds one lookup more.
  NodeId look_up(const Attributes& attributes);
  // Takes `lookups` back; at none left the node is gone. The root stays.
  void forget(NodeId id, std::uint64_t lookups);

  // What was last known of the node. `complete` is that of the node, fixed for
  // its life. Nothing for an id that the kernel does not hold.
  [[nodiscard]] std::optional<Attributes> find(NodeId id) const;

  [[nodiscard]] std::optional<NodeId> find_directory(EntryId entry) const;
  [[nodiscard]] bool knows(EntryId entry) const;
  [[nodiscard]] bool knows_partial(EntryId entry) const;
  [[nodiscard]] bool knows_complete(EntryId entry) const;

  // Remarks on a node, kept until it is forgotten; false for unknown ids.
  enum class Mark : std::uint8_t {
    ordinary = 1,  // was opened without passthrough; a mapping may live on
    listed = 2,    // the kernel has read this directory
  };
  void mark(NodeId id, Mark mark);
  [[nodiscard]] bool is_marked(NodeId id, Mark mark) const;

  [[nodiscard]] std::size_t size() const;

 private:
  struct Node {
    EntryId entry = 0;
    std::uint64_t generation = 0;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    std::uint64_t lookups = 0;  // 0: a free slot
    std::uint32_t turn = 0;     // how often the slot was reused
    std::uint32_t next = 0;     // slot + 1 of the next in the bucket, or of the next free; 0: none
    bool directory = false;
    bool complete = false;
    std::uint8_t marks = 0;
  };
  // Nodes in one array, chained in buckets by entry: all forms of an entry are
  // in one chain.
  struct State {
    std::vector<Node> nodes;
    std::vector<std::uint32_t> buckets;
    std::uint32_t free = 0;
    std::size_t used = 0;

    [[nodiscard]] std::uint32_t& bucket(EntryId entry);
    [[nodiscard]] const Node* get(NodeId id) const;
    [[nodiscard]] std::uint32_t take_slot();
    [[nodiscard]] NodeId add(const Attributes& attributes);
    void remove(std::uint32_t slot);
    void grow();
    template <typename Predicate>
    [[nodiscard]] const Node* find_entry(EntryId entry, Predicate matches) const;
    [[nodiscard]] NodeId id_of(const Node& node) const;
  };
  Guarded<State> state_;
};

}  // namespace lazymirror::fuse
