// SPDX-License-Identifier: Apache-2.0
//
// What keeper and worker may still do (capabilities(7), prctl(2)). Both give
// up for good; neither can gain anything by executing a program.
// Not synchronised; of the calling thread. REQUIRES: the process has one.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace lazymirror::fanotify {

struct SystemUser {
  uid_t uid = 65534;
  gid_t gid = 65534;
  std::string name = "nobody";
};

// `lazymirror` if the system has such a user, else `nobody`.
[[nodiscard]] SystemUser worker_user();

// Becomes that user, without any capability, for good.
[[nodiscard]] Result<> become_worker(uid_t uid, gid_t gid);

// Of root's capabilities only what the keeper's work takes, now and when it
// forks the next worker.
[[nodiscard]] Result<> confine_keeper();

// No core dumps, no ptrace(2), no reading of the memory by others.
void hide_memory();

}  // namespace lazymirror::fanotify
