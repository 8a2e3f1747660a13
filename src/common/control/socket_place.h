// SPDX-License-Identifier: Apache-2.0
//
// The address of a unix socket whatever the length of its path: unix(7) takes
// 107 bytes, longer ones go through /proc/self/fd of the directory.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror::control {

struct SocketPlace {
  UniqueFd directory;  // keeps the address valid
  std::string name;    // in it
  sockaddr_un address{};

  [[nodiscard]] const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&address); }
  [[nodiscard]] static constexpr socklen_t size() { return sizeof(sockaddr_un); }
};

[[nodiscard]] Result<SocketPlace> socket_place(const std::string& path);

}  // namespace lazymirror::control
