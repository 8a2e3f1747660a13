// SPDX-License-Identifier: Apache-2.0
//
// Mount options under which a power loss can take what was synced. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lazymirror {

// What is wrong with the mount `mount_id` of a /proc/PID/mountinfo
// (proc_pid_mountinfo(5)); nothing when it is safe or not in there.
[[nodiscard]] std::optional<std::string> unsafe_mount(std::string_view mountinfo,
                                                      std::uint64_t mount_id);

}  // namespace lazymirror
