// SPDX-License-Identifier: Apache-2.0
//
// The service manager's end of sd_notify(3).
#pragma once

#include <chrono>
#include <string>

#include "base/unique_fd.h"
#include "support/temp_dir.h"

namespace lazymirror::testing {

class NotifySocket {
 public:
  NotifySocket();  // throws std::system_error

  [[nodiscard]] const std::string& path() const { return path_; }
  // The next datagram; "" at the deadline.
  [[nodiscard]] std::string receive(std::chrono::seconds limit = std::chrono::seconds(30)) const;
  // The next that is not `other`.
  [[nodiscard]] std::string receive_but(const std::string& other) const;

 private:
  TempDir work_;
  std::string path_ = work_ / "notify";
  UniqueFd socket_;
};

}  // namespace lazymirror::testing
