// SPDX-License-Identifier: Apache-2.0
//
// Who has a working directory below a place, from /proc/PID/cwd (proc(5)).
// Only links are read, no file system is asked, so nothing can hang. Needs
// CAP_SYS_PTRACE for other users' processes; those that cannot be read do not
// count. Not synchronised.
#pragma once

#include <string>
#include <vector>

namespace lazymirror::fanotify {

// Paths as this process sees them, at or below one of `roots`; sorted.
[[nodiscard]] std::vector<std::string> working_directories_below(
    const std::vector<std::string>& roots);

// Whether one of `sorted` is `path` or below it.
[[nodiscard]] bool any_at_or_below(const std::vector<std::string>& sorted, const std::string& path);

}  // namespace lazymirror::fanotify
