// SPDX-License-Identifier: Apache-2.0
//
// Options -> what a watch is made of. Touches nothing.
#pragma once

#include "cli/tree_plan.h"
#include "fanotify/watch.h"

namespace lazymirror::cli {

struct WatchPlan : TreePlan {
  fanotify::WatchOptions watch;  // places as given: absolute, not yet looked at
};

// REQUIRES: the options are valid.
[[nodiscard]] Result<WatchPlan> plan_watch(const Options& options, const Surroundings& user);

// "cannot show URL in CACHE: why"
[[nodiscard]] Error explain(const Error& error, const WatchPlan& plan);

}  // namespace lazymirror::cli
