// SPDX-License-Identifier: Apache-2.0
#include "fanotify/descriptor_message.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

#include "fanotify/attached_descriptor.h"

namespace lazymirror::fanotify {

bool send_with_descriptor(int socket, std::int32_t value, int fd) {
  iovec part{&value, sizeof value};
  DescriptorRoom room;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (fd >= 0) attach(header, room, fd);
  while (::sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

std::optional<DescriptorMessage> receive_with_descriptor(int socket) {
  DescriptorMessage message;
  iovec part{&message.value, sizeof message.value};
  DescriptorRoom room;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = room.bytes.data();
  header.msg_controllen = room.bytes.size();
  ssize_t size = 0;
  while ((size = ::recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) < 0) {
    if (errno != EINTR) return std::nullopt;
  }
  message.fd = attached(header);
  if (size != sizeof message.value) return std::nullopt;
  return message;
}

}  // namespace lazymirror::fanotify
