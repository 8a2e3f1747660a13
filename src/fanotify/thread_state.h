// SPDX-License-Identifier: Apache-2.0
//
// What the kernel tells of the threads of this process (proc_pid_stat(5) and
// schedstat).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>

namespace lazymirror::fanotify {

struct ThreadState {
  char state = '?';  // R: runs, or could; D: waits for a disk; S, t, T: for anything else
  std::chrono::nanoseconds ran{0};     // on a processor, ever
  std::chrono::nanoseconds waited{0};  // for a processor, ever
  std::uint64_t turns = 0;             // on a processor
};
using ThreadStates = std::map<pid_t, ThreadState>;

// All but the calling thread. Empty when nothing can be found out.
[[nodiscard]] ThreadStates states_of_other_threads();

}  // namespace lazymirror::fanotify
