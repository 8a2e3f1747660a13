// SPDX-License-Identifier: Apache-2.0
#include "fanotify/population.h"

#include <fcntl.h>

#include <utility>

namespace lazymirror::fanotify {

void Population::populate(EntryId directory, Priority priority, Completion<Outcome> done) {
  auto placed = [this, done = std::move(done)](Result<InPlace::PlacementPtr> result) mutable {
    parts_.pool.run([this, done = std::move(done), result = std::move(result)]() mutable {
      if (!result) return done(fail(std::move(result.error())));
      done(on_placed(**result));
    });
  };
  parts_.tree.populate(directory, parts_.context(priority),
                       parts_.gate.completion<InPlace::PlacementPtr>(std::move(placed)));
}

Population::Outcome Population::on_placed(const Placement& placement) {
  std::vector<const Placement::Directory*> unseen;
  bool first = false;
  seen_.with([&](auto& seen) {
    first = seen.insert(placement.id).second;
    for (const auto& child : placement.directories) {
      if (!seen.contains(child.id)) unseen.push_back(&child);
    }
  });
  if (first && !parts_.options.first) heed(placement.id);
  Outcome outcome;
  const auto path = unseen.empty() ? Result<std::string>() : parts_.tree.path(placement.id);
  for (const auto* child : unseen) {
    const bool trapped =
        path && traps_.want(child->id, path->empty() ? child->name : *path + '/' + child->name);
    if (!trapped) outcome.untrapped.push_back(child->id);
  }
  traps_.release(placement.id, 0);
  return outcome;
}

// The worker before this one may have had it ignored for as long as it was
// fresh, and does not look at the time any more.
void Population::heed(EntryId directory) {
  const auto fd = parts_.tree.open(directory, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
  if (fd) (void)parts_.group.heed_directory(fd->get());
}

bool Population::is_settled(EntryId directory) {
  return seen_.with([&](const auto& seen) { return seen.contains(directory); }) &&
         parts_.tree.is_fresh(directory);
}

}  // namespace lazymirror::fanotify
