// SPDX-License-Identifier: Apache-2.0
//
// Which process has a cache in its hands: the keeper by CACHE/lock, a worker by
// CACHE/meta/guard. Both are locked (flock(2)) and begin with a line that is
// the process's number; the number alone is never believed.
//
// Not synchronised. Needs root to look into other processes.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror::fanotify {

struct Claimant {
  pid_t pid = -1;
  UniqueFd pidfd;
};

enum class ClaimState {
  free,       // nobody holds the lock
  held,       // by the claimant
  inherited,  // the process that took it has ended, another still has it open
};

struct Claim {
  ClaimState state = ClaimState::free;
  Claimant claimant;
};

[[nodiscard]] std::string lock_path(const std::string& cache_directory);
[[nodiscard]] std::string guard_path(const std::string& cache_directory);

// No error when the file does not exist: it is free.
[[nodiscard]] Result<Claim> look_at_claim(const std::string& path);

// In a keeper that has the lock of an earlier one: the line names this process.
Result<> renew_lock(const std::string& cache_directory);

// In a worker: takes CACHE/meta/guard until the descriptor is closed.
[[nodiscard]] Result<UniqueFd> claim_guard(const std::string& cache_directory);

// SIGTERM, again and again until the process has ended; false at the limit.
[[nodiscard]] bool end_claimant(const Claimant& claimant, Duration limit);
[[nodiscard]] bool kill_claimant(const Claimant& claimant, Duration limit);

}  // namespace lazymirror::fanotify
