// SPDX-License-Identifier: Apache-2.0
#include "cli/service_manager.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string_view>
#include <thread>

#include "base/worker_pool.h"

namespace lazymirror::cli {
namespace {

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
  spdlog::warn("cli: {}", os_error(errno, "cannot tell the service manager at " + name).message);
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
  return out;
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
  spdlog::debug("cli: {}", os_error(errno, "the service manager does not listen").message);
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
