// SPDX-License-Identifier: Apache-2.0
#include "fetch/crawl_order.h"

namespace lazymirror {

std::optional<CrawlOrder::Id> CrawlOrder::next() {
  while (!places_.empty()) {
    Place& place = places_.back();
    if (place.page.empty() && !turn_page(place)) {
      places_.pop_back();
      continue;
    }
    const Id directory = place.page.front();
    place.page.pop_front();
    under_way_.emplace(directory, place.depth + 1);
    return directory;
  }
  if (roots_.empty()) return std::nullopt;
  const Id root = roots_.front();
  roots_.pop_front();
  under_way_.emplace(root, 0);
  return root;
}

// False: all have been taken.
bool CrawlOrder::turn_page(Place& place) {
  if (place.last_page) return false;
  const auto found = tree_.subdirectories(place.directory, place.after, kPage);
  place.last_page = found.size() < kPage;
  place.page.assign(found.begin(), found.end());
  if (!found.empty()) place.after = found.back();
  return !found.empty();
}

bool CrawlOrder::listed(Id directory) {
  const auto node = under_way_.extract(directory);
  if (!node || !recursive_) return true;
  if (node.mapped() >= kDeepest) return false;
  places_.push_back({directory, node.mapped()});
  return true;
}

}  // namespace lazymirror
