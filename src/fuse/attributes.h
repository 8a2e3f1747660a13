// SPDX-License-Identifier: Apache-2.0
//
// What the engine knows of an entry, as stat(2) shows it. Pure.
#pragma once

#include <sys/stat.h>

#include "engine/engine.h"

namespace lazymirror::fuse {

// Who owns everything in the mount, and what may be done with it.
struct Appearance {
  uid_t uid = 0;
  gid_t gid = 0;
  mode_t file_mode = 0444;
  mode_t directory_mode = 0555;
};

// st_blocks counts every byte, present or not: with fewer blocks `tar -S` and
// others would take the file for sparse and write zeros.
[[nodiscard]] struct stat to_stat(const Attributes& attributes, const Appearance& appearance);

// S_IFREG, S_IFDIR, or 0 (readdir's DT_UNKNOWN).
[[nodiscard]] mode_t type_bits(EntryKind kind);

}  // namespace lazymirror::fuse
