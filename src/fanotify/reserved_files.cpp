// SPDX-License-Identifier: Apache-2.0
#include "fanotify/reserved_files.h"

#include <algorithm>

#include "base/log.h"

namespace lazymirror::fanotify {

ReservedFiles::ReservedFiles(const WorkerParts& parts) : parts_(parts) {
  for (const EntryId id : parts_.tree.reserved()) look_after(id, parts_.options.reserve);
}

// Looked after also when it failed: a part may have been reserved.
Result<> ReservedFiles::reserve(EntryId id) {
  auto reserved = parts_.tree.reserve(id);
  if (!reserved && reserved.error().code == Errc::no_space) {
    release_others(id);
    reserved = parts_.tree.reserve(id);
  }
  look_after(id, parts_.options.reserve);
  return reserved;
}

// Those that nobody has open any more; whose turn has only not come yet.
void ReservedFiles::release_others(EntryId id) {
  auto others = looked_after_.with([](const auto& ids) { return ids; });
  others.erase(id);
  for (const EntryId other : others) (void)parts_.tree.release(other);
}

void ReservedFiles::look_after(EntryId id, Duration delay) {
  const bool first = looked_after_.with([&](auto& ids) { return ids.insert(id).second; });
  if (!first) return;
  parts_.timers.run_after(delay, parts_.gate.function([this, id, delay] {
    parts_.pool.run([this, id, delay] { try_release(id, delay); });
  }));
}

// Forgotten first: who opens it from now on has it looked after anew.
void ReservedFiles::try_release(EntryId id, Duration delay) {
  looked_after_.with([&](auto& ids) { ids.erase(id); });
  const auto released = parts_.tree.release(id);
  if (released) return;
  if (released.error().code != Errc::busy) {
    log::debug("fanotify: reserved blocks were not given back: {}", released.error().message);
  }
  look_after(id, std::min(2 * delay, kLongest));
}

}  // namespace lazymirror::fanotify
