// SPDX-License-Identifier: Apache-2.0
//
// Options -> what is given to the mount besides the engine, and the sentences
// about what can go wrong with it. Touches nothing.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/tree_plan.h"
#include "config/options.h"
#include "config/places.h"
#include "fuse/mount.h"

namespace lazymirror::cli {

struct MountPlan : TreePlan {
  fuse::MountOptions mount;
};

// REQUIRES: the options are valid.
[[nodiscard]] Result<MountPlan> plan_mount(const Options& options, const Surroundings& user);

// At which step a mount failed.
enum class MountStep { engine, mount };

// "cannot mount URL on DIR: why; what to do"
[[nodiscard]] Error explain(MountStep step, const Error& error, const MountPlan& plan);

}  // namespace lazymirror::cli
