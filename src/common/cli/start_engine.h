// SPDX-License-Identifier: Apache-2.0
//
// The engine of a tree, made of its parts.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "cli/tree_plan.h"
#include "engine/engine.h"

namespace lazymirror::cli {

// The first thing that happens in a process that serves: before any thread.
Result<> initialise_libcurl();

// `ask_origin`: whether the root must be had, from the origin or at least from
// the cache. Starts threads. The clock must outlive the engine.
[[nodiscard]] Result<std::unique_ptr<Engine>> start_engine(const TreePlan& plan, const Clock& clock,
                                                           bool ask_origin);

}  // namespace lazymirror::cli
