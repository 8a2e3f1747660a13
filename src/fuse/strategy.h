// SPDX-License-Identifier: Apache-2.0
//
// Whether complete files can be read by the kernel itself (passthrough), and
// the reason in words. Asked twice: before the mount what process and build
// allow, then, when the kernel has said what it offers, the rest.
#pragma once

#include <cstdint>
#include <string>

#include "fuse/mount.h"

namespace lazymirror::fuse {

struct Possibility {
  bool possible = false;
  std::string reason;  // of the answer, either way
};

// The build and the process: libfuse 3.17 or newer, CAP_SYS_ADMIN in the
// initial user namespace (the kernel asks for it at every registration).
[[nodiscard]] Possibility passthrough_before_mount();

// `backing_depth`: 1 when the cache lies on a stacked file system (overlayfs,
// as in containers), else 0, so that our mount can itself be a layer of one.
[[nodiscard]] std::uint32_t backing_depth(const std::string& cache_directory);

}  // namespace lazymirror::fuse
