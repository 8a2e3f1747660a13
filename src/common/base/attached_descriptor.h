// SPDX-License-Identifier: Apache-2.0
//
// One descriptor beside a message (SCM_RIGHTS): the cmsg(3) part of it. Pure.
#pragma once

#include <sys/socket.h>

#include <array>

#include "base/unique_fd.h"

namespace lazymirror {

// Room for one descriptor, aligned as cmsg(3) asks for.
union DescriptorRoom {
  cmsghdr align;
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
};

// `room` must live until the message is sent.
void attach(msghdr& message, DescriptorRoom& room, int fd);
// That of a message that was received; invalid when there is none.
[[nodiscard]] UniqueFd attached(const msghdr& message);

}  // namespace lazymirror
