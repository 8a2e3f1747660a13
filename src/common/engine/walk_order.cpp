// SPDX-License-Identifier: Apache-2.0
#include "engine/walk_order.h"

#include <algorithm>
#include <utility>

#include "engine/attributes.h"

namespace lazymirror {

WalkOrder::WalkOrder(const Catalog& catalog, Order order, const Entry& file)
    : catalog_(catalog),
      order_(order),
      directory_(file.parent),
      after_id_(file.id),
      after_name_(file.name) {
  const auto above = catalog_.lineage(directory_);
  depth_ = above ? static_cast<int>(above->size()) : 0;
  level_ = depth_;
}

std::vector<WalkOrder::Step> WalkOrder::next(std::size_t limit) {
  steps_.clear();
  for (unsigned i = 0; i < kMostTurns && steps_.size() < limit; ++i) {
    if (!turn(limit - steps_.size())) break;
  }
  return std::move(steps_);
}

// Each turn is one question to the catalog; false: nothing more is known.
bool WalkOrder::turn(std::size_t limit) {
  if (order_ == Order::listing) return by_listing(limit);
  return files_ ? files_by_name(limit) : directory_by_name();
}

bool WalkOrder::by_listing(std::size_t limit) {
  const auto children = catalog_.children_after(directory_, after_id_, limit);
  if (!children) return false;
  for (const Entry& child : *children) {
    if (child.kind == EntryKind::directory) return descend(child);
    if (!is_resolved(child)) return false;
    after_id_ = child.id;
    emit(child);
  }
  return children->size() == limit || ascend();
}

bool WalkOrder::files_by_name(std::size_t limit) {
  const auto files = catalog_.named_after(directory_, EntryKind::file, after_name_, limit);
  if (!files) return false;
  for (const Entry& file : *files) {
    if (!is_resolved(file)) return false;
    after_name_ = file.name;
    emit(file);
  }
  if (files->size() == limit) return true;
  files_ = false;
  after_name_.clear();
  return true;
}

bool WalkOrder::directory_by_name() {
  const auto below = catalog_.named_after(directory_, EntryKind::directory, after_name_, 1);
  if (!below) return false;
  return below->empty() ? ascend() : descend(below->front());
}

void WalkOrder::emit(const Entry& file) {
  steps_.push_back({file, level_});
  level_ = depth_;
}

bool WalkOrder::descend(const Entry& directory) {
  const auto state = catalog_.directory(directory.id);
  if (!state) return false;
  if (!state->listed) {
    unlisted_ = directory.id;
    return false;
  }
  directory_ = directory.id;
  after_id_ = 0;
  after_name_.clear();
  files_ = true;
  ++depth_;
  return true;
}

bool WalkOrder::ascend() {
  if (directory_ == kRootId) return false;
  auto left = catalog_.get(directory_);
  if (!left) return false;
  directory_ = left->parent;
  after_id_ = left->id;
  after_name_ = std::move(left->name);
  files_ = false;
  level_ = std::min(level_, --depth_);
  return true;
}

}  // namespace lazymirror
