// SPDX-License-Identifier: Apache-2.0
#include "unit/cli/notify_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace lazymirror::testing {

NotifySocket::NotifySocket() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
  if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::system_error(errno, std::generic_category(), path_);
  }
}

std::string NotifySocket::receive(std::chrono::seconds limit) const {
  pollfd readable{socket_.get(), POLLIN, 0};
  const int milliseconds = static_cast<int>(std::chrono::milliseconds(limit).count());
  if (::poll(&readable, 1, milliseconds) != 1) return {};
  std::array<char, 4096> buffer{};
  const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : std::string();
}

std::string NotifySocket::receive_but(const std::string& other) const {
  std::string word = receive();
  while (word == other) word = receive();
  return word;
}

}  // namespace lazymirror::testing
