// SPDX-License-Identifier: Apache-2.0
//
// Which listings are asked for before somebody wants them: a pure function of
// the directories that were listed and of what the tree tells.
//
// Whoever lists a directory gets a few of its children fetched ahead, whoever
// goes on to a second one is followed: with each directory more the window of
// listings that are asked for and not used yet doubles. The walk is expected
// depth first in the order of the listing; who takes the names in another order
// (the hash order of ext4, say) finds his window sooner or later. What was
// asked for in vain stays in the account, so a walk that ends costs its window
// and no more. A few walks are told apart.
//
// Not synchronised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace lazymirror {

class ListingLookAhead {
 public:
  using Id = std::uint64_t;  // of a directory; ascending within a listing

  static constexpr std::size_t kFirst = 16;      // children of one that was listed
  static constexpr std::size_t kBlind = 256;     // unused, for who takes others than expected
  static constexpr std::size_t kLargest = 1024;  // unused

  class Tree {
   public:
    virtual ~Tree() = default;
    // Subdirectories after `after` that were never listed, ascending.
    virtual std::vector<Id> unlisted(Id directory, Id after, std::size_t limit) = 0;
  };
  explicit ListingLookAhead(Tree& tree) : tree_(tree) {}

  // Somebody has listed `directory`, a child of `parent` (of itself: the root).
  // What to ask for, soonest needed first.
  [[nodiscard]] std::vector<Id> on_visit(Id directory, Id parent);
  // A listing that was asked for ahead has come.
  [[nodiscard]] std::vector<Id> on_arrival(Id directory, Id parent);

  [[nodiscard]] std::size_t unused() const;

 private:
  // A directory whose children may be asked for.
  struct Place {
    enum class Kind { entered, ahead, around };  // around: the walk began at a child of it
    Id directory = 0;
    Kind kind = Kind::entered;
    std::size_t visits = 0;  // of its children
    Id after = 0;            // they were asked for up to this one
    bool from_start = true;  // and all before it
    bool exhausted = false;
  };
  using Places = std::list<Place>;
  struct Walk {
    Places places;  // in the order in which the walk will come by
    std::unordered_map<Id, Places::iterator> by_id;
    std::unordered_set<Id> unused;
    std::size_t window = kFirst;
  };
  static constexpr std::size_t kWalks = 8, kMostPlaces = 4096, kMostUnused = 4 * kLargest;

  [[nodiscard]] Walk* select(Id directory, Id parent);
  static Place* place_of(Walk& walk, Id directory);
  static void enter(Walk& walk, Id directory, Id parent);
  static void put(Walk& walk, Places::iterator before, const Place& place);
  static void leave_behind(Walk& walk, Places::iterator parent);
  static void note_step(Walk& walk, Place* parent, Id directory, bool expected);
  [[nodiscard]] static bool is_open(const Walk& walk, const Place& place);
  void fill(Walk& walk, std::vector<Id>& hints);
  void take(Walk& walk, Place& place, std::size_t count, std::vector<Id>& hints);

  Tree& tree_;
  std::list<Walk> walks_;  // most recently used first
};

}  // namespace lazymirror
