// SPDX-License-Identifier: Apache-2.0
//
// When to ask the worker for a sign of life, when to give it up, and when to
// start the next one. Pure arithmetic on moments; not synchronised.
//
// A worker that served is replaced at once. One that never gave a sign of life
// got no further than its start: it is given twice as long at each attempt
// (a large catalog takes its time), and after kFewFailures the next attempt
// comes after a pause, so that a start which cannot succeed does not fill the
// machine.
#pragma once

#include "base/clock.h"

namespace lazymirror::fanotify {

class WorkerHealth {
 public:
  struct Times {
    Duration ping{500};
    Duration patience{4'000};  // without a sign of life
    Duration longest_start{64'000};
    Duration longest_pause{2'000};
  };
  static constexpr unsigned kFewFailures = 5;

  explicit WorkerHealth(Times times) : times_(times) {}

  // `unhurried`: it may take as long as it likes until its first sign of life.
  void started(SteadyTime now, bool unhurried);
  void sign_of_life(SteadyTime now);
  void ended(SteadyTime now);

  [[nodiscard]] bool is_ping_due(SteadyTime now) const { return running_ && now >= next_ping_; }
  void pinged(SteadyTime now) { next_ping_ = now + times_.ping; }
  [[nodiscard]] bool is_hanging(SteadyTime now) const { return running_ && now >= give_up_; }
  void given_up() { give_up_ = SteadyTime::max(); }
  [[nodiscard]] bool is_start_due(SteadyTime now) const { return !running_ && now >= restart_; }
  // Starts in a row that came to nothing.
  [[nodiscard]] unsigned failures() const { return failures_; }
  // When one of the above comes true.
  [[nodiscard]] SteadyTime next() const;

 private:
  Times times_;
  bool running_ = false;
  bool lives_ = false;
  unsigned failures_ = 0;
  SteadyTime next_ping_{}, give_up_{}, restart_{};
};

}  // namespace lazymirror::fanotify
