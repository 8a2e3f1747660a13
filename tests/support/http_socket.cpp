// SPDX-License-Identifier: Apache-2.0
#include "support/http_socket.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace lazymirror::testing {

constexpr std::size_t kMaxHead = 64u << 10;

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::optional<std::string> receive_head(int fd, std::string& pending) {
  std::array<char, 16384> buffer;
  std::size_t end = 0;
  while ((end = pending.find("\r\n\r\n")) == std::string::npos) {
    if (pending.size() > kMaxHead) return std::nullopt;
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::nullopt;
    pending.append(buffer.data(), static_cast<std::size_t>(n));
  }
  std::string head = pending.substr(0, end + 4);
  pending.erase(0, end + 4);
  return head;
}

}  // namespace lazymirror::testing
