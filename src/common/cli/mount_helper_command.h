// SPDX-License-Identifier: Apache-2.0
//
// The program as mount.lazymirror: mounts with the words and the exit statuses
// of mount(8).
#pragma once

#include <string>
#include <vector>

#include "config/places.h"

namespace lazymirror::cli {

// The exit status. REQUIRES: one thread.
[[nodiscard]] int mount_helper_command(const std::vector<std::string>& arguments,
                                       const Surroundings& user);

}  // namespace lazymirror::cli
