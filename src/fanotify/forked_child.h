// SPDX-License-Identifier: Apache-2.0
//
// A child that goes on in the same program: the only place of this room that
// forks, and the only one that ends a process.
//
// Not synchronised. REQUIRES: the calling process has one thread, or the
// function does only what is safe after fork(2).
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror::fanotify {

// Reaped on destruction, and killed before if it still runs.
class ForkedChild {
 public:
  // Runs `body` in a child; its result is the exit status. Objects of the
  // parent that the child has copies of are never destroyed there.
  [[nodiscard]] static Result<ForkedChild> start(const std::function<int()>& body);
  ForkedChild(ForkedChild&& other) noexcept;
  ForkedChild& operator=(ForkedChild&& other) noexcept;
  ~ForkedChild();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }  // readable once it has ended
  void signal(int number);
  void let_go() { pid_ = -1; }                    // it lives on
  [[nodiscard]] bool wait(Duration limit) const;  // whether it has ended
  // After the end: how, for a sentence ("was killed by signal 9"). Blocks until then.
  std::string reap();

 private:
  ForkedChild(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  void end();

  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

}  // namespace lazymirror::fanotify
