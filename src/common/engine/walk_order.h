// SPDX-License-Identifier: Apache-2.0
//
// The files that come after one of them when the tree is walked depth first, as
// far as it is listed: by listing, names in the order of the origin, directories
// among them (tar, cp -r, grep -r); by name, the files of a directory before its
// subdirectories (the shell's globs, rsync).
//
// Not synchronised; looks into the catalog.
#pragma once

#include <string>
#include <vector>

#include "cache/catalog.h"
#include "fetch/sibling_prefetch.h"

namespace lazymirror {

class WalkOrder {
 public:
  using Order = SiblingPrefetch::Order;

  // After `file`.
  WalkOrder(const Catalog& catalog, Order order, const Entry& file);

  struct Step {
    Entry file;
    int level = 0;  // as SiblingPrefetch::File
  };
  // Up to `limit`; ends early at a directory that is not listed, and at a name
  // of which nothing is known.
  [[nodiscard]] std::vector<Step> next(std::size_t limit);
  // The directory at which next() ended because it is not listed; or 0.
  [[nodiscard]] EntryId unlisted() const { return unlisted_; }

 private:
  // Of directories without files; the rest is for another call.
  static constexpr unsigned kMostTurns = 64;

  [[nodiscard]] bool turn(std::size_t limit);
  [[nodiscard]] bool by_listing(std::size_t limit);
  [[nodiscard]] bool files_by_name(std::size_t limit);
  [[nodiscard]] bool directory_by_name();
  void emit(const Entry& file);
  [[nodiscard]] bool descend(const Entry& directory);
  [[nodiscard]] bool ascend();

  const Catalog& catalog_;
  const Order order_;
  EntryId directory_;
  EntryId after_id_;
  std::string after_name_;
  bool files_ = true;  // by name: files are next, else directories
  int depth_ = 0, level_ = 0;
  EntryId unlisted_ = 0;
  std::vector<Step> steps_;
};

}  // namespace lazymirror
