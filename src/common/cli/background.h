// SPDX-License-Identifier: Apache-2.0
//
// Becoming a daemon, in the order that lets errors reach the terminal: fork
// before any thread exists, work in the child, and let the parent end only when
// the child is ready or has failed.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror::cli {

// What the child tells its parent.
class Readiness {
 public:
  Readiness() = default;  // of a foreground process: nobody listens
  explicit Readiness(UniqueFd to_parent) : to_parent_(std::move(to_parent)) {}

  // Leaves the terminal (a session of its own, standard streams on /dev/null)
  // and tells the parent. Errc::cancelled when the parent has gone: the user
  // gave up waiting, and the child should as well.
  Result<> ready();
  // The sentence that the parent prints.
  void failed(const std::string& sentence);

 private:
  UniqueFd to_parent_;
};

// Standard streams on /dev/null, so that nobody waits for their end.
void leave_standard_streams();

// Forks. In the child: calls `work`, whose result is its exit status. In the
// parent: waits for the child's word; once it is ready `check` may still find
// fault, then the child is stopped. The exit status of the process in both.
// REQUIRES: this process has one thread.
int run_in_background(const std::function<int(Readiness&)>& work,
                      const std::function<Result<>()>& check);

}  // namespace lazymirror::cli
