// SPDX-License-Identifier: Apache-2.0
//
// Who handles traps. The kernel lets a process handle a trap without being
// caught if it is of one certain process group: that of the keeper which first
// showed the tree. After a restart the keeper is of another one, and so is the
// next. What is left of the first then is the usher: a process that does
// nothing but what the keeper of the day asks of it with traps.
//
// When no keeper has the line to it any more it ends the walks, as the worker
// of the first keeper does when that is killed (trap_ends.h), and itself.
//
// Not synchronised.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/autofs.h"
#include "fanotify/group.h"
#include "fanotify/trap_ends.h"

namespace lazymirror::fanotify {

// In the usher, to its end: serves whoever has the other end of `line`. The
// handles are of all traps there are, and this process is of their group.
// REQUIRES: one thread; all other descriptors are closed.
int usher(UniqueFd line, Group& group, TrapEnds traps);

// Takes traps in hand: by ourselves, or through an usher. One that has once not
// answered in time is lost for good: a late answer would be taken for the next.
class TrapHands {
 public:
  // Our own, of this process's group. Errc::unsupported without autofs.
  [[nodiscard]] static Result<TrapHands> own();
  // An usher's, whose group is `group`.
  [[nodiscard]] static Result<TrapHands> of_usher(UniqueFd line, pid_t group);

  [[nodiscard]] pid_t group() const { return group_; }
  [[nodiscard]] int line() const;  // -1: our own
  [[nodiscard]] bool are_own() const { return usher_ == nullptr; }

  // The root of a trap that is not attached yet; an usher knows of it then.
  [[nodiscard]] Result<UniqueFd> open_root(int mount) const;
  void drop(std::uint64_t device) const;  // such a trap is no more
  // As those of AutofsControl.
  Result<> end_wait(int control, std::uint32_t token, int error) const;
  [[nodiscard]] Result<UniqueFd> open_trap(const std::string& path, std::uint32_t device) const;
  // Whoever waits gets ENOENT.
  Result<> disable(int control) const { return control_.disable(control); }
  // What is bound over the trap, then the trap: until it is mounted nowhere.
  void unmount(int control) const;

  TrapHands(TrapHands&&) noexcept;
  ~TrapHands();

 private:
  class LineToUsher;
  TrapHands(AutofsControl control, std::unique_ptr<LineToUsher> usher, pid_t group);

  AutofsControl control_;
  std::unique_ptr<LineToUsher> usher_;  // none: our own
  pid_t group_;
};

}  // namespace lazymirror::fanotify
