// SPDX-License-Identifier: Apache-2.0
//
// Makes threads of another process hang, from outside (ptrace(2)): as if by a
// fault of their own they had gone into an endless loop, or to sleep for ever.
// Nothing of it is left to be collected by the caller. Needs root and x86-64.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace lazymirror::testing {

enum class Astray { spinning, asleep };

[[nodiscard]] bool can_lead_astray();
// The threads of that name.
[[nodiscard]] std::vector<pid_t> threads_named(pid_t process, const std::string& name);
// False when the thread cannot be had, or has ended.
[[nodiscard]] bool lead_astray(pid_t process, pid_t thread, Astray where);

}  // namespace lazymirror::testing
