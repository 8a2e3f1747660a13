// SPDX-License-Identifier: Apache-2.0
//
// Whether this kernel and this file system do what watching in place stands
// on, tried with scratch files in the cache's meta directory before anything
// is shown. Not synchronised. Needs CAP_SYS_ADMIN. Forks children that read;
// REQUIRES: the calling process has one thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "fanotify/group.h"

namespace lazymirror::fanotify {

// One point that failed: what is missing and what to do, as a sentence.
struct SelfTestReport {
  std::vector<std::string> failures;
  std::vector<std::string> limits;  // works, but the user should know (no reflinks on ext4)
};

// Accepted marks, the range of a read and of a mapping at an offset, silence of
// what is done through an ignored mount, arrival of a denied errno, a directory
// that is populated while it is being opened. `scratch`: an empty directory on
// the cache's file system that is removed afterwards by the caller. Bounded in
// time.
[[nodiscard]] Result<SelfTestReport> self_test(const std::string& scratch, EventMode mode);

// Why the cache cannot be watched in place, before anything is tried: not root,
// tmpfs or overlayfs, the root file system without --shared-filesystem, a
// kernel that is too old. Each says what to do.
[[nodiscard]] Result<> check_place(const std::string& cache_directory, bool shared_filesystem);

}  // namespace lazymirror::fanotify
