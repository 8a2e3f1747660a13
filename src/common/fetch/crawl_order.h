// SPDX-License-Identifier: Apache-2.0
//
// The order in which a job walks through directories: depth first, several
// listings under way at once. Pure but for the Tree that it asks.
//
// What is still to be visited is not kept here but in the tree, the catalog:
// a directory that has been listed costs one place (how far its subdirectories
// have been taken), and the deepest place goes on first. So a walk holds at
// most the depth of the tree times the number of listings under way, also for
// a million directories.
//
// Not synchronised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

namespace lazymirror {

class CrawlOrder {
 public:
  using Id = std::uint64_t;

  class Tree {
   public:
    virtual ~Tree() = default;
    // Subdirectories after `after`, ascending; fewer than `limit`: there are no more.
    virtual std::vector<Id> subdirectories(Id directory, Id after, std::size_t limit) = 0;
  };

  // Deeper directories than this below a root are left out: an origin whose
  // listings lead into themselves must not keep a walk for ever.
  static constexpr unsigned kDeepest = 256;
  static constexpr std::size_t kPage = 256;  // asked of the tree at once

  CrawlOrder(Tree& tree, bool recursive) : tree_(tree), recursive_(recursive) {}

  void add_root(Id directory) { roots_.push_back(directory); }

  // The next directory, under way from now on; nothing while none is known.
  [[nodiscard]] std::optional<Id> next();
  // Its subdirectories can be asked for from now on. False: it lies too deep,
  // they are left out.
  bool listed(Id directory);
  // It cannot be listed, or what is below it is not wanted.
  void left_out(Id directory) { under_way_.erase(directory); }

  [[nodiscard]] std::size_t under_way() const { return under_way_.size(); }
  [[nodiscard]] std::size_t places() const { return places_.size(); }
  // Nothing is under way and nothing left.
  [[nodiscard]] bool finished() const {
    return under_way_.empty() && places_.empty() && roots_.empty();
  }

 private:
  // A listed directory whose subdirectories were taken up to `after`.
  struct Place {
    Id directory = 0;
    unsigned depth = 0;
    Id after = 0;
    bool last_page = false;
    std::deque<Id> page = {};
  };

  [[nodiscard]] bool turn_page(Place& place);

  Tree& tree_;
  const bool recursive_;
  std::deque<Id> roots_;
  std::vector<Place> places_;                   // the last one goes on first
  std::unordered_map<Id, unsigned> under_way_;  // with their depths
};

}  // namespace lazymirror
