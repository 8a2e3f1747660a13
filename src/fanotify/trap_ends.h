// SPDX-License-Identifier: Apache-2.0
//
// What a worker has of the keeper's traps, so that nobody stays caught when the
// keeper is killed: the kernel lets every process of the keeper's group disable
// them, also one without privileges. And the pipe that tells of caught walks:
// when nobody has it open any more the kernel disables traps by itself, too
// early.
//
// Not synchronised. Source: fs/autofs/waitq.c.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "fanotify/group.h"

namespace lazymirror::fanotify {

// In a process that was forked from the keeper: the keeper's descriptors.
struct TrapHandles {
  int pipe = -1;
  std::vector<std::pair<std::uint64_t, int>> controls;  // by device number
};

class TrapEnds {
 public:
  TrapEnds() = default;
  explicit TrapEnds(const TrapHandles& inherited);  // takes them over

  void hold_pipe(UniqueFd pipe) { pipe_ = std::move(pipe); }
  void hold(std::uint64_t device, UniqueFd control) { controls_[device] = std::move(control); }
  void drop(std::uint64_t device) { controls_.erase(device); }

  // Walks end with ENOENT, those that are caught and those that come. A trap
  // is an empty directory then, so listing it is an event of the group first.
  void end_walks(Group& group);

 private:
  UniqueFd pipe_;
  std::map<std::uint64_t, UniqueFd> controls_;
};

}  // namespace lazymirror::fanotify
