// SPDX-License-Identifier: Apache-2.0
#include "engine/file_ahead.h"

#include <utility>

#include "engine/walk_order.h"

namespace lazymirror {

FileAhead::FileAhead(const Parts& parts, const Describer& describer, Files& files,
                     DirectoryLoader& loader)
    : parts_(parts),
      describer_(describer),
      files_(files),
      loader_(loader),
      events_(parts.pool, [this](const Event& event) { handle(event); }) {}

void FileAhead::used(MirrorFile& file) {
  if (!parts_.options.look_ahead || file.size() > MirrorFile::kSmall) return;
  const bool missing = !file.is_complete();
  if (!missing && unused_ == 0) return;
  if (file.first_use()) events_.push({file.id(), file.size(), missing});
}

void FileAhead::handle(const Event& event) {
  const auto hints = policy_.on_use(event.file, event.size, event.missing);
  unused_ = policy_.unused();
  for (const EntryId file : hints) files_.prefetch(file);
}

std::vector<SiblingPrefetch::File> FileAhead::following(SiblingPrefetch::Order order, EntryId file,
                                                        std::size_t limit, bool sure) {
  const auto from = parts_.cache.catalog().get(file);
  if (!from) return {};  // gone meanwhile
  std::vector<SiblingPrefetch::File> files;
  WalkOrder walk(parts_.cache.catalog(), order, *from);
  for (const auto& [entry, level] : walk.next(limit)) {
    const auto known = describer_.attributes(entry);
    const bool wanted = known && !known->complete && known->size <= MirrorFile::kSmall;
    files.push_back({entry.id, entry.size.value_or(0), wanted, level});
  }
  if (sure && walk.unlisted() != 0) list(walk.unlisted());
  return files;
}

// Once: where it cannot be had, whoever comes there asks again.
void FileAhead::list(EntryId directory) {
  if (std::exchange(asked_, directory) == directory) return;
  const SteadyTime deadline = parts_.clock.now() + parts_.options.timeout;
  loader_.load(directory, {Priority::look_ahead, deadline},
               [&changes = parts_.changes, directory](const Result<>& loaded) {
                 if (loaded) changes.listed_ahead(directory);
               });
}

}  // namespace lazymirror
