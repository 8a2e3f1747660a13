// SPDX-License-Identifier: Apache-2.0
//
// The commands `fetch`, `refresh`, `verify` and `pin`: jobs of running trees, watched
// while they go on. A bar on a terminal, the daemon's messages otherwise; what
// fails is named on standard error. Who is interrupted leaves the daemon, which
// ends the job.
#pragma once

#include "config/command.h"
#include "config/options.h"

namespace lazymirror::cli {

// The exit status: kFailure when anything failed or is not as it should be.
[[nodiscard]] int job_command(Command command, const Options& options);

}  // namespace lazymirror::cli
