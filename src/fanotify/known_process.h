// SPDX-License-Identifier: Apache-2.0
//
// Processes of a cache that are found without a file of the cache, which may be
// guarded and nobody answer: each holds a memfd(2) whose name tells what it is.
//
// Not synchronised. Needs root to look into other processes.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror::fanotify {

enum class Role {
  lingering_guard,  // lingering_guard.h
  caretaker,        // caretaker.h
};

// This process and those it forks are known so as long as they hold it.
[[nodiscard]] Result<UniqueFd> take_role(Role role, const std::string& cache_directory);

// SIGTERM to all that have the role, this process apart. How many there were.
unsigned tell_to_end(Role role, const std::string& cache_directory);
// And waits until each has ended or plays another part; kills those that still
// have the role at the limit.
unsigned end_all(Role role, const std::string& cache_directory, Duration limit);

}  // namespace lazymirror::fanotify
