// SPDX-License-Identifier: Apache-2.0
//
// What a service manager is told, by the protocol of sd_notify(3): datagrams
// to the socket that NOTIFY_SOCKET names. Nobody listens where it is not set.
// And what it keeps for us from one run to the next (FDSTORE there, and
// sd_listen_fds(3)).
//
// Threads: safe from any thread, but for take() and take_none().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror::cli {

class ServiceManager {
 public:
  ServiceManager() = default;  // nobody listens
  // Takes the variables out of the environment: they are for this process only.
  // REQUIRES: one thread.
  [[nodiscard]] static ServiceManager of_environment();

  void ready(const std::string& status) const;
  void stopping() const;
  void alive() const;  // nothing without a watchdog

  [[nodiscard]] bool listens() const { return socket_.valid(); }

  // A descriptor that an earlier run gave to keep; once.
  [[nodiscard]] UniqueFd take(const std::string& name);
  void take_none();  // all are forgotten
  // A copy is kept beyond the end of this process, until it is forgotten, the other
  // end of it is closed, or the service is not to be started again. Waits until
  // the manager has it: a process that has ended is not listened to.
  [[nodiscard]] Result<> keep(const std::string& name, int fd) const;
  void forget(const std::string& name) const;

  // alive() is to be called more often than this; 0: there is no watchdog.
  [[nodiscard]] Duration watchdog() const { return watchdog_; }

 private:
  void tell(const std::string& words) const;
  [[nodiscard]] Result<> tell(const std::string& words, int fd) const;
  [[nodiscard]] Result<> wait_until_heard() const;
  void receive_kept();

  UniqueFd socket_;
  Duration watchdog_{0};
  std::vector<std::pair<std::string, UniqueFd>> kept_;
};

// Calls alive() three times in each period of the watchdog, on a thread of its
// own, as long as `lives` says so. Without a watchdog there is no thread.
class Heartbeat {
 public:
  Heartbeat(const ServiceManager& manager, std::function<bool()> lives);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazymirror::cli
