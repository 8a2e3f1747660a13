// SPDX-License-Identifier: Apache-2.0
//
// System calls that neither keeper nor worker ever needs are refused (EPERM)
// from here on, to the calling process and its children, for good: a seccomp
// filter that lists what is refused.
//
// Why a list of refusals: the worker runs libcurl, OpenSSL, SQLite and the
// system's name resolution, whose needs change with every release; what it is
// kept from is what turns a foothold into more.
// REQUIRES: no_new_privs is set, or CAP_SYS_ADMIN.
#pragma once

#include "base/result.h"

namespace lazymirror::fanotify {

[[nodiscard]] Result<> refuse_system_calls_of_keeper();
[[nodiscard]] Result<> refuse_system_calls_of_worker();  // the keeper's and more

}  // namespace lazymirror::fanotify
