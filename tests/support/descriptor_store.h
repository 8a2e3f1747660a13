// SPDX-License-Identifier: Apache-2.0
//
// A service manager that hears what it is told and keeps what it is given
// (sd_notify(3), FDSTORE), until the other end is closed, on a thread of its own.
//
// Threads: all members are safe from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "support/temp_dir.h"

namespace lazymirror::testing {

class DescriptorStore {
 public:
  DescriptorStore();  // throws std::system_error
  ~DescriptorStore();
  DescriptorStore(const DescriptorStore&) = delete;
  DescriptorStore& operator=(const DescriptorStore&) = delete;

  // What the next run of the service gets: the variables, and its descriptors.
  [[nodiscard]] std::vector<std::string> environment() const;
  [[nodiscard]] std::vector<UniqueFd> descriptors() const;
  [[nodiscard]] std::vector<std::string> names() const;
  void drop_all();

  [[nodiscard]] std::size_t count(const std::string& word) const;
  // Whether it was told `word` so many times, at the deadline at the latest.
  [[nodiscard]] bool has_heard(const std::string& word, std::size_t times,
                               std::chrono::seconds limit = std::chrono::seconds(60)) const;

 private:
  void listen();
  void drop_hung_up();
  [[nodiscard]] std::size_t count_locked(const std::string& word) const;
  void hear(const std::string& text, UniqueFd fd);

  TempDir work_;
  const std::string path_ = work_ / "notify";
  UniqueFd socket_, wake_;
  mutable std::mutex mutex_;  // leaf
  mutable std::condition_variable heard_something_;
  std::vector<std::string> heard_;
  std::vector<std::pair<std::string, UniqueFd>> kept_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace lazymirror::testing
