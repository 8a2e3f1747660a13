// SPDX-License-Identifier: Apache-2.0
#include "fuse/node_table.h"

namespace lazymirror::fuse {
namespace {

constexpr std::size_t kFirstBuckets = 256;  // a power of two, as all sizes

// Entry ids are consecutive numbers: any odd multiplier spreads them.
std::size_t bucket_index(EntryId entry, std::size_t buckets) {
  return static_cast<std::size_t>((entry * 0x9E3779B97F4A7C15U) >> 20U) & (buckets - 1);
}

bool same_form(const Attributes& a, std::uint64_t generation, bool directory, bool complete) {
  if (a.kind == EntryKind::directory) return directory;  // directories have one form
  return !directory && a.generation == generation && a.complete == complete;
}

}  // namespace

std::uint32_t& NodeTable::State::bucket(EntryId entry) {
  return buckets[bucket_index(entry, buckets.size())];
}

// An id is the slot's number plus one, the slot's turn in the upper half; so
// the root, slot 0 at its first turn, is 1.
NodeId NodeTable::State::id_of(const Node& node) const {
  const auto slot = static_cast<std::uint64_t>(&node - nodes.data());
  return (static_cast<std::uint64_t>(node.turn) << 32U) | (slot + 1);
}

const NodeTable::Node* NodeTable::State::get(NodeId id) const {
  const std::uint64_t slot = (id & 0xFFFFFFFFU) - 1;
  if (slot >= nodes.size()) return nullptr;
  const Node& node = nodes[slot];
  return node.lookups > 0 && node.turn == id >> 32U ? &node : nullptr;
}

template <typename Predicate>
const NodeTable::Node* NodeTable::State::find_entry(EntryId entry, Predicate matches) const {
  std::uint32_t at = buckets[bucket_index(entry, buckets.size())];
  while (at != 0) {
    const Node& node = nodes[at - 1];
    if (node.entry == entry && matches(node)) return &node;
    at = node.next;
  }
  return nullptr;
}

std::uint32_t NodeTable::State::take_slot() {
  if (free != 0) {
    const std::uint32_t slot = free - 1;
    free = nodes[slot].next;
    return slot;
  }
  nodes.emplace_back();
  return static_cast<std::uint32_t>(nodes.size() - 1);
}

NodeId NodeTable::State::add(const Attributes& attributes) {
  if (used >= buckets.size()) grow();
  const std::uint32_t slot = take_slot();
  Node& node = nodes[slot];
  node.entry = attributes.id;
  node.generation = attributes.generation;
  node.directory = attributes.kind == EntryKind::directory;
  node.complete = attributes.complete && !node.directory;
  node.marks = 0;
  node.next = std::exchange(bucket(attributes.id), slot + 1);
  ++used;
  return id_of(node);
}

void NodeTable::State::remove(std::uint32_t slot) {
  Node& node = nodes[slot];
  std::uint32_t* link = &bucket(node.entry);
  while (*link != slot + 1) link = &nodes[*link - 1].next;
  *link = node.next;
  ++node.turn;
  node.lookups = 0;
  node.next = std::exchange(free, slot + 1);
  --used;
}

void NodeTable::State::grow() {
  buckets.assign(buckets.size() * 2, 0);
  for (std::uint32_t slot = 0; slot < nodes.size(); ++slot) {
    if (nodes[slot].lookups == 0) continue;  // in the free list
    nodes[slot].next = std::exchange(bucket(nodes[slot].entry), slot + 1);
  }
}

NodeTable::NodeTable() {
  state_.with([](State& state) {
    state.buckets.resize(kFirstBuckets);
    const NodeId root = state.add({.id = kRootId, .kind = EntryKind::directory});
    state.nodes[root - 1].lookups = 1;
  });
}

NodeId NodeTable::look_up(const Attributes& attributes) {
  return state_.with([&](State& state) {
    const Node* found = state.find_entry(attributes.id, [&](const Node& node) {
      return same_form(attributes, node.generation, node.directory, node.complete);
    });
    const NodeId id = found != nullptr ? state.id_of(*found) : state.add(attributes);
    Node& node = state.nodes[(id & 0xFFFFFFFFU) - 1];
    node.size = attributes.size;
    node.mtime_ns = attributes.mtime_ns;
    node.ctime_ns = attributes.ctime_ns;
    ++node.lookups;
    return id;
  });
}

void NodeTable::forget(NodeId id, std::uint64_t lookups) {
  if (id == kRootNode) return;
  state_.with([&](State& state) {
    const Node* found = state.get(id);
    if (found == nullptr) return;
    const auto slot = static_cast<std::uint32_t>(found - state.nodes.data());
    if (found->lookups > lookups) {
      state.nodes[slot].lookups -= lookups;
    } else {
      state.remove(slot);
    }
  });
}

std::optional<Attributes> NodeTable::find(NodeId id) const {
  return state_.with([&](const State& state) -> std::optional<Attributes> {
    const Node* node = state.get(id);
    if (node == nullptr) return std::nullopt;
    return Attributes{.id = node->entry,
                      .generation = node->generation,
                      .kind = node->directory ? EntryKind::directory : EntryKind::file,
                      .size = node->size,
                      .mtime_ns = node->mtime_ns,
                      .ctime_ns = node->ctime_ns,
                      .complete = node->complete};
  });
}

std::optional<NodeId> NodeTable::find_directory(EntryId entry) const {
  return state_.with([&](const State& state) -> std::optional<NodeId> {
    const Node* node = state.find_entry(entry, [](const Node& n) { return n.directory; });
    if (node == nullptr) return std::nullopt;
    return state.id_of(*node);
  });
}

bool NodeTable::knows(EntryId entry) const {
  return state_.with([&](const State& state) {
    return state.find_entry(entry, [](const Node&) { return true; }) != nullptr;
  });
}

bool NodeTable::knows_partial(EntryId entry) const {
  return state_.with([&](const State& state) {
    return state.find_entry(entry, [](const Node& node) {
      return !node.directory && !node.complete;
    }) != nullptr;
  });
}

bool NodeTable::knows_complete(EntryId entry) const {
  return state_.with([&](const State& state) {
    return state.find_entry(entry, [](const Node& node) { return node.complete; }) != nullptr;
  });
}

void NodeTable::mark(NodeId id, Mark mark) {
  state_.with([&](State& state) {
    const Node* node = state.get(id);
    if (node == nullptr) return;
    auto& marks = state.nodes[static_cast<std::size_t>(node - state.nodes.data())].marks;
    marks = static_cast<std::uint8_t>(marks | static_cast<std::uint8_t>(mark));
  });
}

bool NodeTable::is_marked(NodeId id, Mark mark) const {
  return state_.with([&](const State& state) {
    const Node* node = state.get(id);
    return node != nullptr && (node->marks & static_cast<std::uint8_t>(mark)) != 0;
  });
}

std::size_t NodeTable::size() const {
  return state_.with([](const State& state) { return state.used; });
}

}  // namespace lazymirror::fuse
