// SPDX-License-Identifier: Apache-2.0
//
// The jobs of a running tree, asked for over its control socket:
//   fetch paths [recursive] [metadata]   ->  {"progress":progress_message()} four times a
//   refresh paths [recursive]                second, {"progress":finding_message()}...,
//   verify paths [recursive]                 and at the end progress_message() with "ok"
//   pin paths
// "paths" is a list. A job ends when its asker goes away.
#pragma once

#include "control/server.h"
#include "engine/jobs.h"

namespace lazymirror::cli {

// Adds them. `jobs` must outlive the handlers; they block for as long as the
// job goes on.
void add_job_handlers(Jobs& jobs, control::Handlers& handlers);

}  // namespace lazymirror::cli
