// SPDX-License-Identifier: Apache-2.0
#include "engine/file_ahead.h"

#include "engine/walk_order.h"

namespace lazymirror {

FileAhead::FileAhead(const Parts& parts, const Describer& describer, Files& files)
    : parts_(parts),
      describer_(describer),
      files_(files),
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
                                                        std::size_t limit) {
  const auto from = parts_.cache.catalog().get(file);
  if (!from) return {};  // gone meanwhile
  std::vector<SiblingPrefetch::File> files;
  for (const auto& [entry, level] : WalkOrder(parts_.cache.catalog(), order, *from).next(limit)) {
    const auto known = describer_.attributes(entry);
    const bool wanted = known && !known->complete && known->size <= MirrorFile::kSmall;
    files.push_back({entry.id, entry.size.value_or(0), wanted, level});
  }
  return files;
}

}  // namespace lazymirror
