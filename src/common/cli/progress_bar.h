// SPDX-License-Identifier: Apache-2.0
//
// How far a job is, in one line of a terminal. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "engine/jobs.h"

namespace lazymirror::cli {

// At most `columns` - 1 characters, so that no terminal breaks the line:
//   listing   12 directories, 3400 files, 2.7 GiB  800/s
//   fetching  45 % [=======>         ] 1.2 GiB of 2.7 GiB  34.0 MiB/s  1min20s left
[[nodiscard]] std::string progress_line(const JobProgress& progress, std::size_t columns);

// What was done, once it is over.
[[nodiscard]] std::string job_summary(JobKind kind, const JobProgress& progress);

}  // namespace lazymirror::cli
