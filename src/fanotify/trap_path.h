// SPDX-License-Identifier: Apache-2.0
//
// The directories that traps are set on: named by the worker, which is not
// believed. Safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror::fanotify {

// Plain names joined by '/'.
[[nodiscard]] Result<> check_trap_path(std::string_view path);

// Never crosses a mount: what is below our own traps is reached from their
// directories, and another's mount is none of our business.
[[nodiscard]] Result<UniqueFd> open_below(int directory, const std::string& path);

}  // namespace lazymirror::fanotify
