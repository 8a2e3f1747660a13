// SPDX-License-Identifier: Apache-2.0
//
// Whether a lane (base/crew.h) that does not answer hangs, or only takes its
// time. It takes its time as long as
//   - its work is getting on, step by step;
//   - one of its threads waits for a disk: it could not even be killed;
//   - one of its threads is ready to run and gets no processor;
//   - its threads wait, and another one of the process is in such a state, or
//     another lane has much to do: they may be waiting for it, as for the
//     catalog's one writer. Believed for kPatience only.
// Else it hangs: its threads wait for what nobody does, or spin. Seen from
// outside, on purpose: a thread that hangs tells no lies.
//
// Arithmetic on what it is given; not synchronised.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/crew.h"
#include "fanotify/thread_state.h"

namespace lazymirror::fanotify {

class LateLanes {
 public:
  using Probe = std::function<ThreadStates()>;
  using CrewPtr = std::shared_ptr<const Crew>;
  // Shorter than this nothing can be said.
  static constexpr Duration kWindow{1'000};
  // Threads that together ran so long, without a step of their work, spin.
  static constexpr Duration kSpin{1'000};
  static constexpr Duration kPatience{20'000};

  // So many steps between two looks are long work; timers and pings make a few.
  static constexpr std::uint64_t kMuch = 50;

  LateLanes(std::vector<CrewPtr> all, Probe probe)
      : all_(std::move(all)), probe_(std::move(probe)) {}

  // All have answered: what was seen until now is of no interest any more.
  void forget() { cases_.clear(); }
  // Looks at those that have not answered. True: each of them takes its time.
  // The first looks at one that does nothing say nothing in its favour.
  [[nodiscard]] bool take_their_time(const std::vector<CrewPtr>& late, SteadyTime now);

 private:
  struct Case {
    std::uint64_t steps = 0;
    SteadyTime since{};  // the last step that was seen
    bool has_gone_on = false;
    ThreadStates then;  // at `since`
  };
  [[nodiscard]] bool another_works(const Crew& crew) const;
  void note_work();
  [[nodiscard]] bool takes_its_time(const Crew& crew, const ThreadStates& threads, SteadyTime now);
  void begin(Case& it, const Crew& crew, const ThreadStates& threads, SteadyTime now);

  const std::vector<CrewPtr> all_;
  const Probe probe_;
  std::map<const Crew*, std::uint64_t> at_last_look_;  // their steps
  std::map<const Crew*, Case> cases_;
};

}  // namespace lazymirror::fanotify
