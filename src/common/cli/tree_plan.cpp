// SPDX-License-Identifier: Apache-2.0
#include "cli/tree_plan.h"

#include <algorithm>

#include "base/units.h"
#include "config/validate.h"

namespace lazymirror::cli {
namespace {

// A start that waits longer for an origin that does not answer helps nobody:
// what is cached is served without it, and nothing else can be.
constexpr Duration kStartTimeout{20'000};

OriginOptions origin_options(const Options& o, const Url& url) {
  return {.base = url,
          .username = o.username.empty() ? url.user() : o.username,
          .password = o.username.empty() ? url.password() : o.password,
          .netrc_file = o.netrc_file,
          .netrc = o.netrc,
          .headers = o.headers,
          .user_agent = o.user_agent.empty() ? "lazymirror/" LAZYMIRROR_VERSION : o.user_agent,
          .proxy = o.proxy,
          .proxy_username = o.proxy_username,
          .proxy_password = o.proxy_password,
          .ca_file = o.ca_file,
          .ca_path = o.ca_path,
          .proxy_ca_file = o.proxy_ca_file,
          .proxy_ca_path = o.proxy_ca_path,
          .insecure_tls = o.insecure_tls,
          .connections = o.connections,
          .bandwidth_limit = o.bandwidth_limit,
          .retries = o.retries,
          .connect_timeout = o.connect_timeout,
          .low_speed_time = o.low_speed_time};
}

}  // namespace

StorageOptions storage_options(const Options& options) {
  StorageOptions storage;
  if (options.cache_size != 0) storage.cache_size = options.cache_size;
  const Share share = parse_share(options.min_free_space).value_or(Share{});
  storage.min_free_bytes = share.bytes;
  storage.min_free_percent = share.percent;
  return storage;
}

Result<TreePlan> plan_tree(Command command, const Options& options, const Surroundings& user) {
  auto given = Url::parse(options.url);
  if (!given) return fail(given.error());
  const Url url = given->as_directory();
  Options checked = options;
  if (checked.cache_location.empty()) {
    auto place = default_cache_location(user, url);
    if (!place) return fail(place.error());
    checked.cache_location = *place;
    if (auto r = validate(command, checked); !r) return fail(r.error());
  }
  TreePlan plan{.origin = origin_options(options, url),
                .cache = {},
                .engine = {.url = url,
                           .ttl = options.ttl,
                           .negative_ttl = options.negative_ttl,
                           .strict_ttl = options.strict_ttl,
                           .offline = options.offline,
                           .timeout = options.timeout,
                           .look_ahead = options.look_ahead == "on",
                           .storage = storage_options(options)},
                .start_timeout = std::min(options.timeout, kStartTimeout)};
  plan.cache.directory = checked.cache_location;
  plan.cache.url = url.str();
  return plan;
}

}  // namespace lazymirror::cli
