// SPDX-License-Identifier: Apache-2.0
//
// What is mounted, as this process sees it, and a mount namespace of its own
// for a test program: whatever happens to it, no mount outlives it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace lazymirror::testing {

struct MountEntry {
  std::string mountpoint, type, source, options, super_options;
};

[[nodiscard]] std::vector<MountEntry> mounts_below(const std::string& path);  // and at it
[[nodiscard]] std::optional<MountEntry> mount_at(const std::string& path);    // the topmost

// Detaches what is mounted below `path`, innermost first.
void unmount_below(const std::string& path);

// Sees mounts come and go without asking again and again.
class MountWatch {
 public:
  MountWatch();
  // Blocks until something was mounted or unmounted, or `other_fd` (-1: none)
  // became readable, or the time is over.
  void wait(int other_fd, std::chrono::milliseconds timeout) const;

 private:
  UniqueFd fd_;
};

// Waits until `path` is (or is not) a mount point; false at the deadline.
[[nodiscard]] bool wait_for_mount(const std::string& path, bool mounted,
                                  std::chrono::milliseconds timeout);

// Moves this process into a mount namespace whose changes nobody else sees.
// Before any thread is started. False without CAP_SYS_ADMIN.
bool enter_private_mounts();

// In a private namespace, as root: makes /dev/fuse usable by everybody, as
// udev does on an ordinary system; then becomes the user nobody for good.
// `scratch` is given to nobody. Throws std::system_error.
void become_unprivileged(const std::string& scratch);

}  // namespace lazymirror::testing
