// SPDX-License-Identifier: Apache-2.0
#include "fanotify/descriptor_message.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

#include "base/attached_descriptor.h"

namespace lazymirror::fanotify {

bool send_datagram(int socket, std::span<const std::byte> bytes, int fd, int flags) {
  iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  DescriptorRoom room;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (fd >= 0) attach(header, room, fd);
  while (::sendmsg(socket, &header, flags | MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

Datagram receive_datagram(int socket, std::span<std::byte> bytes, int flags) {
  iovec part{bytes.data(), bytes.size()};
  DescriptorRoom room;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = room.bytes.data();
  header.msg_controllen = room.bytes.size();
  Datagram datagram;
  do {
    datagram.size = ::recvmsg(socket, &header, flags | MSG_CMSG_CLOEXEC);
  } while (datagram.size < 0 && errno == EINTR);
  if (datagram.size >= 0) datagram.fd = attached(header);
  return datagram;
}

bool send_with_descriptor(int socket, std::int32_t value, int fd) {
  return send_datagram(socket, std::as_bytes(std::span(&value, 1)), fd, MSG_DONTWAIT);
}

std::optional<DescriptorMessage> receive_with_descriptor(int socket) {
  DescriptorMessage message;
  auto bytes = std::as_writable_bytes(std::span(&message.value, 1));
  Datagram datagram = receive_datagram(socket, bytes, MSG_DONTWAIT);
  if (datagram.size != sizeof message.value) return std::nullopt;
  message.fd = std::move(datagram.fd);
  return message;
}

}  // namespace lazymirror::fanotify
