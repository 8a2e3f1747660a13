// SPDX-License-Identifier: Apache-2.0
//
// What a service manager is told, by the protocol of sd_notify(3): datagrams
// to the socket that NOTIFY_SOCKET names. Nobody listens where it is not set.
//
// Threads: safe from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
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

  // alive() is to be called more often than this; 0: there is no watchdog.
  [[nodiscard]] Duration watchdog() const { return watchdog_; }

 private:
  void tell(const std::string& words) const;

  UniqueFd socket_;
  Duration watchdog_{0};
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
