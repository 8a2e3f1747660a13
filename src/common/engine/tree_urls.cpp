// SPDX-License-Identifier: Apache-2.0
#include "engine/tree_urls.h"

namespace lazymirror {

Result<Url> TreeUrls::directory(EntryId id) const {
  auto lineage = catalog_.lineage(id);
  if (!lineage) return fail(std::move(lineage.error()));
  Url url = root_;
  for (const Entry& step : *lineage) {
    auto next = url.child(step.href, true);
    if (!next) return next;
    url = std::move(*next);
  }
  return url;
}

Result<Url> TreeUrls::of(const Entry& entry) const {
  if (entry.id == kRootId) return root_;
  auto parent = directory(entry.parent);
  if (!parent) return parent;
  return parent->child(entry.href, entry.kind == EntryKind::directory);
}

}  // namespace lazymirror
