// SPDX-License-Identifier: Apache-2.0
//
// The signals that end the program, taken by one thread and never by a signal
// handler.
//   before the mount     the process ends at once: there is nothing to undo
//   while mounting       kept until the mount stands, so that none is left dead
//   while serving        `stop` is called
//   while stopping       a second signal, or kPatience, ends the process at once
// SIGTERM and SIGINT always count; SIGHUP where it means that the terminal has
// gone, else it asks for something while the tree is served.
#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/unique_function.h"

namespace lazymirror::cli {

class StopSignal {
 public:
  static constexpr Duration kPatience{30'000};

  // Blocks the signals for the calling thread and those it starts from now on.
  // REQUIRES: no other thread runs.
  explicit StopSignal(bool hangup_counts);
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  void mounting();
  // `stop` is called at most once, on the thread of the signals; at once when
  // a signal has come while mounting.
  void serving(UniqueFunction<void()> stop);
  // What SIGHUP asks for where it does not end the program; on the thread of the
  // signals. REQUIRES: called before serving(); lives as long as this.
  void on_hangup(std::function<void()> reload);
  // `stop` is not called after this returns.
  void stopping();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazymirror::cli
