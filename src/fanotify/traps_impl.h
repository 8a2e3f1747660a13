// SPDX-License-Identifier: Apache-2.0
//
// The inside of Traps, for traps.cpp and traps_left.cpp alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/autofs.h"
#include "fanotify/traps.h"
#include "fanotify/usher.h"

namespace lazymirror::fanotify {

struct Trap {
  enum class State { armed, bound, detached };
  State state = State::armed;
  std::uint64_t key = 0;
  std::string path;
  UniqueFd directory;  // the real one, below the trap
  UniqueFd control;    // the trap's root
  std::uint32_t device = 0;
  std::vector<std::uint32_t> tokens;  // who waits
  SteadyTime since{};                 // caught, while armed; then: released
};

struct Traps::Impl {
  Impl(Autofs autofs_in, TrapHands hands_in, UniqueFd root_in, std::string path,
       std::shared_ptr<const Clock> clock_in = std::make_shared<SystemClock>())
      : autofs(std::move(autofs_in)),
        hands(std::move(hands_in)),
        root(std::move(root_in)),
        root_paths{std::move(path)},
        clock(std::move(clock_in)) {}

  [[nodiscard]] bool tell_of(const Autofs::Trap& trap, const HandOver& hand_over) const;
  Result<UniqueFd> open_directory(const std::string& path) const;
  Result<std::unique_ptr<Trap>> place(std::uint64_t key, const std::string& path,
                                      const HandOver& hand_over) const;
  void add(std::unique_ptr<Trap> trap);
  void note(const Autofs::Walk& walk);
  void drain();
  [[nodiscard]] bool is_waited_for(std::uint64_t key) const;
  [[nodiscard]] bool may_walk_again(const Trap& trap) const;
  [[nodiscard]] Result<> bind(const Trap& trap) const;
  void let_go(std::unique_ptr<Trap> trap);
  void end_waits(Trap& trap, int error);
  void end_wait(const Trap& trap, std::uint32_t token, int error);
  void take_away(Trap& trap, SteadyTime now);
  void take_away_bound(Trap& trap, SteadyTime now);
  [[nodiscard]] bool is_below_bound(const Trap& trap) const;
  [[nodiscard]] bool is_used(const Trap& trap, const std::vector<std::string>& used) const;
  void tidy_bound(SteadyTime now);
  std::vector<std::uint64_t> tidy_detached(SteadyTime now);
  void forget(const Trap& trap);

  Autofs autofs;
  TrapHands hands;
  UniqueFd root;
  std::vector<std::string> root_paths;
  std::shared_ptr<const Clock> clock;
  std::function<Result<>(int mount)> mark_bound;
  std::unordered_map<std::uint64_t, std::unique_ptr<Trap>> armed;
  std::vector<std::unique_ptr<Trap>> left;             // bound or detached
  std::unordered_map<std::string, Trap*> mounted;      // armed or bound, by path
  std::unordered_map<std::uint32_t, Trap*> of_device;  // all
  std::vector<Caught> caught_meanwhile;                // found by drain()
  bool is_ours = true;                                 // not another keeper's
  SteadyTime last_stale{};                             // when a walk was sent back last
};

}  // namespace lazymirror::fanotify
