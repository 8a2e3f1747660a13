// SPDX-License-Identifier: Apache-2.0
//
// A small file system for a test: a loop-mounted image or a tmpfs with a
// limit. Needs CAP_SYS_ADMIN. Unmounted with the object. Not synchronised.
#pragma once

#include <cstdint>
#include <string>

#include "support/temp_dir.h"

namespace lazymirror::testing {

class SmallFs {
 public:
  enum class Kind { ext4, xfs, btrfs, tmpfs };

  SmallFs(Kind kind, std::uint64_t bytes);  // throws std::runtime_error with the tool's output
  ~SmallFs();
  SmallFs(const SmallFs&) = delete;
  SmallFs& operator=(const SmallFs&) = delete;

  // Whether this process may mount here at all.
  [[nodiscard]] static bool available();
  [[nodiscard]] const std::string& path() const { return mountpoint_; }
  [[nodiscard]] std::uint64_t free_bytes() const;

 private:
  TempDir work_;
  std::string mountpoint_;
};

}  // namespace lazymirror::testing
