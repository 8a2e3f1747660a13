// SPDX-License-Identifier: Apache-2.0
#include "cache/cache_start.h"

#include <utility>

#include "base/file_io.h"

namespace lazymirror {

Result<> take_lock(CacheOptions& options) {
  if (options.lock) return {};
  auto lock = lock_cache(options.directory);
  if (!lock) return fail(lock.error());
  options.lock = std::make_shared<const UniqueFd>(std::move(*lock));
  return {};
}

std::vector<std::string> start_notices(const CacheDirectory& directory, const Catalog& catalog,
                                       std::optional<std::string> damage) {
  std::vector<std::string> notices;
  if (directory.warning) notices.push_back(*directory.warning);
  if (damage) notices.push_back(std::move(*damage));
  if (catalog.began_epoch()) {
    notices.push_back(
        "the system went down without a clean stop: cached data is checked when it is first used");
  }
  return notices;
}

Result<> check_url(Catalog& catalog, const CacheOptions& options) {
  const auto owner = catalog.origin_url();
  if (!owner) return fail(owner.error());
  if (owner->empty()) return catalog.set_origin_url(options.url);
  if (*owner == options.url) return {};
  return fail(Errc::invalid, "the cache directory " + options.directory + " belongs to " + *owner +
                                 ", not to " + options.url +
                                 ": choose another one with --cache-location, or delete it");
}

Result<std::string> boot_id_of(const CacheOptions& options) {
  if (!options.boot_id.empty()) return options.boot_id;
  return read_file("/proc/sys/kernel/random/boot_id");
}

}  // namespace lazymirror
