// SPDX-License-Identifier: Apache-2.0
//
// Jobs as messages of the control socket: what is asked, how far it is, what
// was found. Sizes are bytes, times seconds, paths percent-encoded. Pure.
#pragma once

#include <string>
#include <vector>

#include "control/message.h"
#include "engine/jobs.h"

namespace lazymirror::cli {

[[nodiscard]] control::Message job_message(const JobRequest& request);
// Errc::invalid: no such job, no paths, or not below the root.
[[nodiscard]] Result<JobRequest> job_of(const control::Message& message);

// As `status` tells of it: the request, but for most of its paths, and how far it is.
[[nodiscard]] control::Message running_message(const Jobs::Running& job);

[[nodiscard]] control::Message progress_message(const JobProgress& progress);
// What is missing in it is 0.
[[nodiscard]] JobProgress progress_of(const control::Message& message);

// Has "finding", by which it is told from progress.
[[nodiscard]] control::Message finding_message(const JobFinding& finding);

}  // namespace lazymirror::cli
