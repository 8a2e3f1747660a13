// SPDX-License-Identifier: Apache-2.0
//
// The layout of a cache directory, and the claim of one daemon on it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cache/catalog.h"

namespace lazymirror {

struct CacheDirectory {
  UniqueFd data;       // DIR/data
  UniqueFd meta;       // DIR/meta
  UniqueFd temporary;  // DIR/meta/tmp, on the same file system
  std::string catalog_path;
  std::optional<std::string> warning;  // an unsafe mount
};

// Makes what is missing, checks the file system. REQUIRES: lock_cache() was
// called. Errors as Cache::open(): sentences with a remedy.
[[nodiscard]] Result<CacheDirectory> open_cache_directory(const std::string& path);

// Moves a damaged catalog out of the way, with its log: the name it now has.
[[nodiscard]] Result<std::string> move_catalog_aside(const std::string& catalog_path);

struct OpenedCatalog {
  std::unique_ptr<Catalog> catalog;
  std::optional<std::string> damage;  // for the user
};
// A catalog that cannot be read is moved aside, and the cache begins anew. Where it
// begins, data files of before are removed (left_overs.h): no record counts them.
[[nodiscard]] Result<OpenedCatalog> open_usable_catalog(const CacheDirectory& directory,
                                                        const std::string& boot_id);

}  // namespace lazymirror
