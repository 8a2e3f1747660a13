// SPDX-License-Identifier: Apache-2.0
//
// The files that were read last, where the kernel opens by itself and we learn
// of no open. As long as one is held here its version stays readable when
// another has taken its place: who has it open keeps it, also when the kernel
// drops pages.
//
// Threads: all members are safe from any thread.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/guarded.h"
#include "engine/engine.h"
#include "fuse/node_table.h"

namespace lazymirror::fuse {

class RecentFiles {
 public:
  static constexpr std::size_t kMost = 256;  // an open descriptor each

  // Nothing for a node that has not been read lately.
  [[nodiscard]] std::shared_ptr<File> find(NodeId node);
  void keep(NodeId node, std::shared_ptr<File> file);
  void drop(NodeId node);

 private:
  using Files = std::list<std::pair<NodeId, std::shared_ptr<File>>>;
  struct State {
    Files files;  // most recently read first
    std::unordered_map<NodeId, Files::iterator> places;
  };
  Guarded<State> state_;
};

}  // namespace lazymirror::fuse
