// SPDX-License-Identifier: Apache-2.0
//
// Options -> what the engine of a tree is made of, whichever front end shows
// it. Touches nothing.
#pragma once

#include "base/result.h"
#include "cache/cache.h"
#include "config/command.h"
#include "config/options.h"
#include "config/places.h"
#include "engine/engine.h"
#include "http/curl_origin.h"

namespace lazymirror::cli {

struct TreePlan {
  OriginOptions origin;
  CacheOptions cache;
  EngineOptions engine;
  Duration start_timeout;  // how long the origin may take to show its root
};

// REQUIRES: the options are valid.
[[nodiscard]] Result<TreePlan> plan_tree(Command command, const Options& options,
                                         const Surroundings& user);

// Of the same.
[[nodiscard]] StorageOptions storage_options(const Options& options);

}  // namespace lazymirror::cli
