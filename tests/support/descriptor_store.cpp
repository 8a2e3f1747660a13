// SPDX-License-Identifier: Apache-2.0
#include "support/descriptor_store.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <system_error>

#include "base/attached_descriptor.h"

namespace lazymirror::testing {
namespace {

// The text of a datagram and the descriptor that came with it.
std::pair<std::string, UniqueFd> receive(int socket) {
  std::array<char, 4096> text{};
  iovec part{text.data(), text.size()};
  DescriptorRoom room;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = room.bytes.data();
  message.msg_controllen = room.bytes.size();
  const ssize_t n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (n < 0) return {};
  return {std::string(text.data(), static_cast<std::size_t>(n)), attached(message)};
}

std::string value_of(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key + "=")) return line.substr(key.size() + 1);
  }
  return {};
}

}  // namespace

DescriptorStore::DescriptorStore()
    : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)), wake_(::eventfd(0, EFD_CLOEXEC)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
  if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::system_error(errno, std::generic_category(), path_);
  }
  thread_ = std::thread([this] { listen(); });
}

DescriptorStore::~DescriptorStore() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
}

void DescriptorStore::listen() {
  for (;;) {
    std::vector<pollfd> fds{{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    {
      const std::lock_guard lock(mutex_);
      if (over_) return;
      for (const auto& [name, fd] : kept_) fds.push_back({fd.get(), 0, 0});
    }
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    eventfd_t changed = 0;
    if (fds[1].revents != 0) ::eventfd_read(wake_.get(), &changed);
    drop_hung_up();
    if ((fds[0].revents & POLLIN) == 0) continue;
    auto [text, fd] = receive(socket_.get());
    hear(text, std::move(fd));
  }
}

void DescriptorStore::drop_hung_up() {
  const std::lock_guard lock(mutex_);
  std::erase_if(kept_, [](const auto& kept) {
    pollfd other_end{kept.second.get(), 0, 0};
    return ::poll(&other_end, 1, 0) == 1;
  });
}

void DescriptorStore::hear(const std::string& text, UniqueFd fd) {
  const std::lock_guard lock(mutex_);
  const std::string name = value_of(text, "FDNAME");
  if (value_of(text, "FDSTORE") == "1" && fd.valid()) kept_.emplace_back(name, std::move(fd));
  if (value_of(text, "FDSTOREREMOVE") == "1") {
    std::erase_if(kept_, [&](const auto& kept) { return kept.first == name; });
  }
  heard_.push_back(text);
  heard_something_.notify_all();
}

std::vector<std::string> DescriptorStore::environment() const {
  std::string names_of_all;
  const auto all = names();
  for (const std::string& name : all) names_of_all += (names_of_all.empty() ? "" : ":") + name;
  return {"NOTIFY_SOCKET=" + path_, "LISTEN_FDS=" + std::to_string(all.size()),
          "LISTEN_FDNAMES=" + names_of_all};
}

std::vector<UniqueFd> DescriptorStore::descriptors() const {
  const std::lock_guard lock(mutex_);
  std::vector<UniqueFd> out;
  for (const auto& [name, fd] : kept_) out.emplace_back(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  return out;
}

std::vector<std::string> DescriptorStore::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [name, fd] : kept_) out.push_back(name);
  return out;
}

void DescriptorStore::drop_all() {
  {
    const std::lock_guard lock(mutex_);
    kept_.clear();
  }
  ::eventfd_write(wake_.get(), 1);
}

std::size_t DescriptorStore::count(const std::string& word) const {
  const std::lock_guard lock(mutex_);
  return count_locked(word);
}

bool DescriptorStore::has_heard(const std::string& word, std::size_t times,
                                std::chrono::seconds limit) const {
  std::unique_lock lock(mutex_);
  return heard_something_.wait_for(lock, limit, [&] { return count_locked(word) >= times; });
}

std::size_t DescriptorStore::count_locked(const std::string& word) const {
  const auto n = std::count_if(heard_.begin(), heard_.end(), [&](const std::string& text) {
    return text.find(word) != std::string::npos;
  });
  return static_cast<std::size_t>(n);
}

}  // namespace lazymirror::testing
