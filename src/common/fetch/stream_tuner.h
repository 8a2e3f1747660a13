// SPDX-License-Identifier: Apache-2.0
//
// How many long transfers to run beside each other: several where each is held
// back by its own connection (window and round trip, a server's limit per
// connection), one where they only share what one would have. Which of the two
// it is cannot be known, so it is measured: the rate with the present number is
// compared with that of a few more and of a few less, and what helps is kept.
// What was found holds for the origin, not for a file.
//
// A measurement counts only while that many transfers were busy throughout; a
// reader who is slower than the network settles nothing. Pure: time is an
// argument. Not synchronised.
#pragma once

#include <cstdint>

#include "base/clock.h"

namespace lazymirror {

class StreamTuner {
 public:
  static constexpr unsigned kFirst = 8;
  // More is better by this factor, or it is not worth its connections; fewer
  // may cost this factor.
  static constexpr double kGain = 1.10, kLoss = 0.95;
  // New connections start slowly: so long nothing is measured after a change,
  static constexpr Duration kSettle{500};
  // and so long each measurement takes. Both grow with the time to the first
  // byte of a transfer. Bytes are told by the chunk: a few say nothing.
  static constexpr Duration kMeasure{500};
  static constexpr unsigned kFewest = 24;
  // After both directions were tried in vain: doubled each time.
  static constexpr Duration kRest{5'000}, kLongestRest{60'000};

  explicit StreamTuner(unsigned most);

  [[nodiscard]] unsigned streams() const { return now_; }

  // How many long transfers are under way from now on.
  void on_running(SteadyTime when, unsigned count);
  // The time from the start of a transfer to its first byte.
  void on_first_byte(Duration after);
  void on_bytes(SteadyTime when, std::uint64_t count);

 private:
  enum class Phase { base, more, fewer, rest };

  void begin(SteadyTime when);
  void count_idle(SteadyTime when);
  void decide(SteadyTime when, double rate);
  void settle_on_base(SteadyTime when);
  void try_more(SteadyTime when);
  void try_fewer(SteadyTime when);
  void go_to(SteadyTime when, unsigned streams, Phase phase);
  [[nodiscard]] Duration measured_for() const;

  const unsigned most_;
  unsigned base_;  // the best number known
  unsigned now_;   // the one in use: base_ or one on trial
  Phase phase_ = Phase::base;
  double base_rate_ = 0;  // bytes per ms
  Duration rest_ = kRest;
  SteadyTime rest_until_{};
  Duration first_byte_{0};

  // The measurement under way.
  bool measuring_ = false;
  unsigned running_ = 0;
  SteadyTime begun_{};       // counting starts here, after settling
  SteadyTime idle_since_{};  // while fewer than now_ run
  SteadyTime::duration idle_{0};
  std::uint64_t bytes_ = 0;
  unsigned arrivals_ = 0;
};

}  // namespace lazymirror
