// SPDX-License-Identifier: Apache-2.0
#include "cli/service_manager.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <sstream>
#include <string_view>
#include <thread>

#include "base/attached_descriptor.h"
#include "base/log.h"
#include "base/worker_pool.h"

namespace lazymirror::cli {
namespace {

constexpr int kPatienceMs = 30'000;  // it may be reloading, or wait for a processor

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value != nullptr ? value : "";
  ::unsetenv(name);
  return text;
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "/run/systemd/notify", or "@name" of the abstract namespace.
UniqueFd connect_to(const std::string& name) {
  sockaddr_un address{};
  if (name.empty() || name.size() >= sizeof address.sun_path) return {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd.valid() && ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), length) == 0) {
    return fd;
  }
  log::warn("cli: {}", os_error(errno, "cannot tell the service manager at " + name).message);
  return {};
}

}  // namespace

ServiceManager ServiceManager::of_environment() {
  ServiceManager out;
  out.socket_ = connect_to(take_variable("NOTIFY_SOCKET"));
  const std::string pid = take_variable("WATCHDOG_PID");
  const std::string period = take_variable("WATCHDOG_USEC");
  const bool for_us = pid.empty() || number(pid) == static_cast<std::uint64_t>(::getpid());
  if (for_us && out.socket_.valid()) {
    out.watchdog_ = Duration(static_cast<Duration::rep>(number(period) / 1000));
  }
  out.receive_kept();
  return out;
}

// sd_listen_fds(3): they begin at 3, in the order of their names.
void ServiceManager::receive_kept() {
  constexpr int kFirst = 3;
  const std::string pid = take_variable("LISTEN_PID");
  const auto count = static_cast<int>(number(take_variable("LISTEN_FDS")));
  std::istringstream names(take_variable("LISTEN_FDNAMES"));
  if (!pid.empty() && number(pid) != static_cast<std::uint64_t>(::getpid())) return;
  for (int fd = kFirst; fd < kFirst + count; ++fd) {
    std::string name;
    std::getline(names, name, ':');
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) kept_.emplace_back(name, UniqueFd(fd));
  }
}

UniqueFd ServiceManager::take(const std::string& name) {
  for (auto& [known, fd] : kept_) {
    if (known == name && fd.valid()) return std::move(fd);
  }
  return {};
}

void ServiceManager::take_none() {
  for (const auto& [name, fd] : kept_) forget(name);
  kept_.clear();
}

Result<> ServiceManager::keep(const std::string& name, int fd) const {
  if (auto r = tell("FDSTORE=1\nFDNAME=" + name, fd); !r) return r;
  return wait_until_heard();
}

void ServiceManager::forget(const std::string& name) const {
  tell("FDSTOREREMOVE=1\nFDNAME=" + name);
}

// The other end of the pipe is closed when all before it has been handled.
Result<> ServiceManager::wait_until_heard() const {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "cannot make a pipe");
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  if (auto r = tell("BARRIER=1", theirs.get()); !r) return r;
  theirs.reset();
  pollfd heard{ours.get(), 0, 0};
  if (::poll(&heard, 1, kPatienceMs) == 1) return {};
  return fail(Errc::timeout, "the service manager does not answer");
}

Result<> ServiceManager::tell(const std::string& words, int fd) const {
  iovec part{const_cast<char*>(words.data()), words.size()};
  DescriptorRoom room;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  attach(message, room, fd);
  pollfd ready{socket_.get(), POLLOUT, 0};
  (void)::poll(&ready, 1, kPatienceMs);
  if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
  return fail_errno(errno, "the service manager takes no descriptor");
}

void ServiceManager::ready(const std::string& status) const { tell("READY=1\nSTATUS=" + status); }

void ServiceManager::stopping() const { tell("STOPPING=1"); }

void ServiceManager::alive() const {
  if (watchdog_ > Duration(0)) tell("WATCHDOG=1");
}

// Never waits: a manager that does not read has a watchdog to look after us.
void ServiceManager::tell(const std::string& words) const {
  if (!socket_.valid()) return;
  if (::send(socket_.get(), words.data(), words.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return;
  log::debug("cli: {}", os_error(errno, "the service manager does not listen").message);
}

struct Heartbeat::Impl {
  std::mutex mutex;  // leaf
  std::condition_variable ended;
  bool over = false;
  std::thread thread;

  void beat(const ServiceManager& manager, const std::function<bool()>& lives) {
    const Duration interval = manager.watchdog() / 3;
    std::unique_lock lock(mutex);
    while (!ended.wait_for(lock, interval, [this] { return over; })) {
      lock.unlock();
      if (lives()) manager.alive();
      lock.lock();
    }
  }
};

Heartbeat::Heartbeat(const ServiceManager& manager, std::function<bool()> lives) {
  if (manager.watchdog() <= Duration(0)) return;
  impl_ = std::make_unique<Impl>();
  impl_->thread = std::thread([impl = impl_.get(), &manager, lives = std::move(lives)] {
    name_this_thread("lm-heartbeat");
    impl->beat(manager, lives);
  });
}

Heartbeat::~Heartbeat() {
  if (!impl_) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->over = true;
  }
  impl_->ended.notify_all();
  impl_->thread.join();
}

}  // namespace lazymirror::cli
