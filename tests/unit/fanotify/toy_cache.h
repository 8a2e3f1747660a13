// SPDX-License-Identifier: Apache-2.0
//
// A cache on a loop file system of its own, with files that are not there yet,
// and the toy watch over it (toy_watch.cpp).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "support/child_process.h"
#include "support/loop_fs.h"
#include "support/temp_dir.h"

namespace lazymirror::fanotify {

class ToyCache {
 public:
  static constexpr std::uint64_t kSize = 256u << 10;

  explicit ToyCache(testing::SmallFs::Kind kind);
  ~ToyCache();  // ends the watch, and the guard of one that was killed
  ToyCache(const ToyCache&) = delete;
  ToyCache& operator=(const ToyCache&) = delete;

  // A sparse file CACHE/data/NAME of kSize bytes, and its path.
  std::string add(const std::string& name);
  [[nodiscard]] const std::string& path() const { return path_; }

  // Starts the watch; false when it is not ready in time.
  [[nodiscard]] bool start(const std::string& behaviour = "fill", unsigned timeout_ms = 20'000,
                           const std::string& descriptors = {});
  [[nodiscard]] testing::ChildProcess& keeper() { return *keeper_; }
  // The process number of the worker; 0 when there is none right now.
  [[nodiscard]] pid_t worker() const;
  // False when there is none.
  [[nodiscard]] bool signal_worker(int number) const;
  // As worker(), but another one than `old`, waited for; 0 at the deadline.
  [[nodiscard]] pid_t worker_after(pid_t old) const;
  [[nodiscard]] bool start_fails_with(const std::string& behaviour, const std::string& sentence);

 private:
  void launch(const std::string& behaviour, unsigned timeout_ms, const std::string& descriptors);

  testing::SmallFs fs_;
  testing::TempDir logs_;
  std::string path_;
  std::unique_ptr<testing::ChildProcess> keeper_;
  unsigned runs_ = 0;
};

// The value of a line of /proc/PID/status.
[[nodiscard]] std::string status_line(pid_t pid, const std::string& key);
// One that has ended but was not waited for is over too.
[[nodiscard]] bool is_over(pid_t pid);

}  // namespace lazymirror::fanotify
