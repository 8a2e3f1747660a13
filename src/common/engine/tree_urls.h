// SPDX-License-Identifier: Apache-2.0
//
// Where an entry is at the origin: the root's URL and the hrefs on the way, as
// the origin published them.
//
// Threads: safe from any thread. Reads the catalog.
#pragma once

#include "base/url.h"
#include "cache/catalog.h"

namespace lazymirror {

class TreeUrls {
 public:
  TreeUrls(const Url& root, const Catalog& catalog)
      : root_(root.as_directory()), catalog_(catalog) {}

  [[nodiscard]] Result<Url> directory(EntryId id) const;
  [[nodiscard]] Result<Url> of(const Entry& entry) const;

 private:
  const Url root_;
  const Catalog& catalog_;
};

}  // namespace lazymirror
