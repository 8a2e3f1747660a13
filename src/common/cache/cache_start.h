// SPDX-License-Identifier: Apache-2.0
//
// What Cache::open() asks and says before there is a cache.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cache/cache.h"
#include "cache/cache_directory.h"

namespace lazymirror {

// Unless the options bring one.
[[nodiscard]] Result<> take_lock(CacheOptions& options);
[[nodiscard]] Result<std::string> boot_id_of(const CacheOptions& options);
// Whether the cache belongs to the origin; a new one does from now on.
[[nodiscard]] Result<> check_url(Catalog& catalog, const CacheOptions& options);
[[nodiscard]] std::vector<std::string> start_notices(const CacheDirectory& directory,
                                                     const Catalog& catalog,
                                                     std::optional<std::string> damage);

}  // namespace lazymirror
