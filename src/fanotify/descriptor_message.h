// SPDX-License-Identifier: Apache-2.0
//
// A number and perhaps a descriptor, as one datagram over a unix socket
// (SCM_RIGHTS, unix(7)). Safe from any thread. Neither call blocks.
#pragma once

#include <cstdint>
#include <optional>

#include "base/unique_fd.h"

namespace lazymirror::fanotify {

struct DescriptorMessage {
  std::int32_t value = 0;
  UniqueFd fd;
};

[[nodiscard]] bool send_with_descriptor(int socket, std::int32_t value, int fd);  // -1: none
// Nothing when no message is there, or the other end is gone.
[[nodiscard]] std::optional<DescriptorMessage> receive_with_descriptor(int socket);

}  // namespace lazymirror::fanotify
