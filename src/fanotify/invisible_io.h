// SPDX-License-Identifier: Apache-2.0
//
// Invisible I/O of XFS: what is written through such a descriptor moves neither
// mtime nor ctime, so that tar(1) does not find that a file changed while
// filling was all that happened. Neither do punching, cloning into it and
// stores into a shared map; truncating, futimens(3) and extended attributes
// still do.
//
// The kernel marks the open file, not the process: the descriptor may be handed
// to one without privilege. Safe from any thread. Needs CAP_SYS_ADMIN.
// Source: xfsctl(3), XFS_IOC_OPEN_BY_HANDLE; fs/xfs/xfs_handle.c (FMODE_NOCMTIME).
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror::fanotify {

// The regular file `file`, which may be open for reading only or through
// another mount, open for reading and writing on the mount of `directory` (any
// open directory of it; not O_PATH). Errc::unsupported where it is not XFS.
[[nodiscard]] Result<UniqueFd> open_invisibly(int directory, int file);

// Whether the file system of an open directory has it.
[[nodiscard]] bool has_invisible_io(int directory);

}  // namespace lazymirror::fanotify
