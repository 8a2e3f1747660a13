// SPDX-License-Identifier: Apache-2.0
//
// Whoever has a file of the tree open (or mapped, or stands in a directory)
// when a watch ends keeps it: the view is detached, but not gone. So a small
// process stays with the group, without privileges and with nothing of the
// cache open. It denies (EIO) what is asked through the mounts that showed the
// tree, allows everything else, and ends with the last of those mounts.
#pragma once

#include <string>

#include "base/result.h"
#include "fanotify/group.h"

namespace lazymirror::fanotify {

// At the end of a watch, once nothing is shown any more: leaves such a process
// if it is needed. REQUIRES: this process has one thread, and ends soon.
[[nodiscard]] Result<> leave_guard(Group& group, const std::string& cache_directory);

// Ends those of earlier watches of this cache, whose readers are asked about
// by a new group now: they can go on to read. Does not wait.
void relieve_lingering_guards(const std::string& cache_directory);

}  // namespace lazymirror::fanotify
