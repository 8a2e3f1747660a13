// SPDX-License-Identifier: Apache-2.0
#include "unit/cli/notify_socket.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace lazymirror::testing {

NotifySocket::NotifySocket()
    : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)), over_(::eventfd(0, EFD_CLOEXEC)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
  if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::system_error(errno, std::generic_category(), path_);
  }
  thread_ = std::thread([this] { listen(); });
}

NotifySocket::~NotifySocket() {
  ::eventfd_write(over_.get(), 1);
  thread_.join();
}

void NotifySocket::listen() {
  std::array<pollfd, 2> fds{pollfd{socket_.get(), POLLIN, 0}, pollfd{over_.get(), POLLIN, 0}};
  while (fds[1].revents == 0) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    const std::lock_guard lock(mutex_);
    take_all();
    came_.notify_all();
  }
}

void NotifySocket::take_all() {
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0) return;
    words_.emplace_back(buffer.data(), static_cast<std::size_t>(n));
  }
}

std::string NotifySocket::receive(std::chrono::seconds limit) {
  std::unique_lock lock(mutex_);
  take_all();  // also what our thread has not come to yet
  if (!came_.wait_for(lock, limit, [this] { return !words_.empty(); })) return {};
  std::string word = std::move(words_.front());
  words_.pop_front();
  return word;
}

std::string NotifySocket::receive_but(const std::string& other) {
  std::string word = receive();
  while (word == other) word = receive();
  return word;
}

}  // namespace lazymirror::testing
