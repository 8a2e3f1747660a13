// SPDX-License-Identifier: Apache-2.0
#include "fanotify/trap_ends.h"

#include "base/log.h"
#include "fanotify/autofs.h"

namespace lazymirror::fanotify {

TrapEnds::TrapEnds(const TrapHandles& inherited) : pipe_(inherited.pipe) {
  for (const auto& [device, control] : inherited.controls) hold(device, UniqueFd(control));
}

// A trap that cannot be guarded goes on to hold its walkers: that is better
// than to show a directory as empty that is not.
void TrapEnds::end_walks(Group& group) {
  for (const auto& [device, control] : controls_) {
    auto done = group.guard_directory(control.get());
    if (done) done = disable_trap_of_group(control.get());
    if (!done) log::error("fanotify: walks stay caught: {}", done.error().message);
  }
  controls_.clear();
  pipe_.reset();
}

}  // namespace lazymirror::fanotify
