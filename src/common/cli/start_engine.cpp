// SPDX-License-Identifier: Apache-2.0
#include "cli/start_engine.h"

#include <curl/curl.h>

#include "base/log.h"

namespace lazymirror::cli {
namespace {

Result<std::unique_ptr<Cache>> open_cache(const TreePlan& plan, const Clock& clock) {
  auto cache = Cache::open(plan.cache, clock);
  if (!cache) {
    Error error = cache.error();
    if (error.code == Errc::no_space) {
      error.message += "; make room, or choose another directory with --cache-location";
    }
    return fail(error);
  }
  for (const std::string& notice : (*cache)->notices()) log::warn("cache: {}", notice);
  return cache;
}

Result<> check_root(Engine& engine, const TreePlan& plan) {
  const auto root = engine.check_root(plan.start_timeout);
  if (!root) return fail(root.error());
  if (root->stale) {
    log::warn("cli: {} cannot be reached, serving what is cached: {}", plan.cache.url,
              root->reason);
  }
  return {};
}

}  // namespace

Result<> initialise_libcurl() {
  if (::curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) return {};
  return fail(Errc::internal, "libcurl cannot be initialised");
}

Result<std::unique_ptr<Engine>> start_engine(const TreePlan& plan, const Clock& clock,
                                             bool ask_origin) {
  // The cache first: its mistakes are found without the network.
  auto cache = open_cache(plan, clock);
  if (!cache) return fail(cache.error());
  auto origin = make_curl_origin(plan.origin);
  if (!origin) return fail(origin.error());
  auto engine = Engine::start(plan.engine, std::move(*origin), std::move(*cache), clock);
  if (!engine || !ask_origin) return engine;
  if (auto r = check_root(**engine, plan); !r) return fail(r.error());
  return engine;
}

}  // namespace lazymirror::cli
