// SPDX-License-Identifier: Apache-2.0
//
// Datagrams over a unix socket, with a descriptor beside them or without
// (SCM_RIGHTS, unix(7)). Safe from any thread. An interrupted call is repeated.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/unique_fd.h"

namespace lazymirror::fanotify {

struct Datagram {
  ssize_t size = -1;  // -1: nothing came, and errno says why
  UniqueFd fd;
};

// `flags` are those of sendmsg(2) and recvmsg(2): MSG_DONTWAIT for calls that
// must not block. -1: no descriptor. False with errno.
[[nodiscard]] bool send_datagram(int socket, std::span<const std::byte> bytes, int fd, int flags);
[[nodiscard]] Datagram receive_datagram(int socket, std::span<std::byte> bytes, int flags);

// A number and perhaps a descriptor. Neither call blocks.
struct DescriptorMessage {
  std::int32_t value = 0;
  UniqueFd fd;
};

[[nodiscard]] bool send_with_descriptor(int socket, std::int32_t value, int fd);  // -1: none
// Nothing when no message is there, or the other end is gone.
[[nodiscard]] std::optional<DescriptorMessage> receive_with_descriptor(int socket);

}  // namespace lazymirror::fanotify
