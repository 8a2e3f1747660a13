// SPDX-License-Identifier: Apache-2.0
//
// The traps of a keeper that was killed: who waits in them waits for nobody,
// and whoever comes near them on a path waits as well. They are reached without
// walking: by the file handle of the directory below, a mount on top of the
// trap, and the way up from there.
//
// Not synchronised. Needs CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH.
// Source: fs/autofs/dev-ioctl.c (find_autofs_mount), fs/autofs/root.c.
#pragma once

#include <string>
#include <vector>

#include "base/mount_table.h"

namespace lazymirror::fanotify {

// Ends all waits in traps of the views at `views`; nobody is caught there any
// more. The mounts stay, and more are added: the views are to be unmounted
// next. What cannot be reached is left alone.
void end_left_over_traps(const std::vector<MountLine>& table, const std::string& cache_directory,
                         const std::vector<std::string>& views);

}  // namespace lazymirror::fanotify
