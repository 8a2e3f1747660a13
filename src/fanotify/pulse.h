// SPDX-License-Identifier: Apache-2.0
//
// Answers the keeper's pings, by way of every lane that readers depend on: each
// does a little piece of work before the answer is given. The thread that
// receives the pings is one more. While a lane is late the answer is given only
// if it takes its time with good reason: see late_lanes.h.
//
// Threads: on_ping() on one thread, at moments that do not go back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/crew.h"
#include "base/guarded.h"
#include "fanotify/gate.h"
#include "fanotify/late_lanes.h"
#include "fanotify/outbox.h"

namespace lazymirror::fanotify {

class Pulse {
 public:
  // The lanes outlive the gate's closing.
  Pulse(Outbox& outbox, Gate& gate, std::vector<Lane> lanes,
        LateLanes::Probe probe = states_of_other_threads)
      : outbox_(outbox), gate_(gate), lanes_(std::move(lanes)), late_(crews(), std::move(probe)) {}

  void on_ping(SteadyTime now);

 private:
  // Pings that come close together, because they were not received in time, say
  // nothing about the time between them.
  static constexpr Duration kBetweenLooks{250};

  struct Round {
    std::uint64_t number = 0;
    std::vector<bool> answered;
    [[nodiscard]] bool is_over() const;
  };
  void begin(std::uint64_t number);
  void on_answer(std::uint64_t number, std::size_t lane);
  [[nodiscard]] std::optional<std::uint64_t> next_round();
  [[nodiscard]] std::vector<LateLanes::CrewPtr> crews() const;
  [[nodiscard]] std::vector<LateLanes::CrewPtr> late() const;

  Outbox& outbox_;
  Gate& gate_;
  const std::vector<Lane> lanes_;
  Guarded<Round> round_;
  LateLanes late_;
  SteadyTime last_look_{};
};

}  // namespace lazymirror::fanotify
