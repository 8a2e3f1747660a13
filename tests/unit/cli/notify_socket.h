// SPDX-License-Identifier: Apache-2.0
//
// The service manager's end of sd_notify(3). Takes what comes at once, on a thread of its
// own: there is room for a few datagrams only, and who sends them does not wait.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "support/temp_dir.h"

namespace lazymirror::testing {

class NotifySocket {
 public:
  NotifySocket();  // throws std::system_error
  ~NotifySocket();
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  // The next datagram; "" at the deadline.
  [[nodiscard]] std::string receive(std::chrono::seconds limit = std::chrono::seconds(30));
  // The next that is not `other`.
  [[nodiscard]] std::string receive_but(const std::string& other);

 private:
  void listen();
  void take_all();  // under the lock

  TempDir work_;
  std::string path_ = work_ / "notify";
  UniqueFd socket_, over_;
  std::mutex mutex_;  // leaf
  std::condition_variable came_;
  std::deque<std::string> words_;
  std::thread thread_;
};

}  // namespace lazymirror::testing
