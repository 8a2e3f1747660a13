// SPDX-License-Identifier: Apache-2.0
//
// The argument of -o, as mount(8) and fstab(5) write it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/command.h"
#include "config/options.h"

namespace lazymirror {

// Splits at commas; "\," and "\\" stand for themselves.
[[nodiscard]] std::vector<std::string> split_mount_options(std::string_view text);

// Sets what is one of our options ("ttl=1h", "cache_location=/var/cache/x"),
// drops what only concerns mount(8) and systemd ("noauto", "x-*", "_netdev"),
// and leaves the rest, for the command itself, in `mount_options`. Errc::invalid
// for options that are not for `command`.
Result<> apply_mount_options(std::string_view text, Command command, Options& options);

}  // namespace lazymirror
