// SPDX-License-Identifier: Apache-2.0
//
// An automount point, as systemd.automount(5) makes them of lines of fstab: a
// direct autofs mount (kernel: Documentation/filesystems/autofs.rst). Processes
// of this test's process group are not caught; others wait until serve().
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/unique_fd.h"

namespace lazymirror::testing {

class Automount {
 public:
  // Mounts it. Throws std::system_error; needs root and a mount namespace of the test's own.
  explicit Automount(const std::string& directory);

  // Waits until somebody looks, does what is to be done, and lets all go on.
  // False: nobody came in time.
  [[nodiscard]] bool serve(const std::function<void()>& mount, std::chrono::seconds patience) const;

 private:
  UniqueFd notices_, root_;
};

}  // namespace lazymirror::testing
