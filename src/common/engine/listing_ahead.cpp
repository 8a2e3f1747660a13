// SPDX-License-Identifier: Apache-2.0
#include "engine/listing_ahead.h"

#include <utility>

namespace lazymirror {

ListingAhead::ListingAhead(const Parts& parts, DirectoryLoader& loader)
    : parts_(parts), loader_(loader), events_(parts.pool, [this](const Event& e) { handle(e); }) {}

void ListingAhead::visited(EntryId directory) {
  latest_ = directory;
  if (parts_.options.look_ahead) events_.push({directory, false});
}

void ListingAhead::visited_leaf(EntryId directory) {
  latest_ = directory;
  if (unused_ > 0) events_.push({directory, false});
}

void ListingAhead::handle(const Event& event) {
  const auto entry = parts_.cache.catalog().get(event.directory);
  if (!entry) return;  // gone meanwhile
  const auto hints = event.arrival ? policy_.on_arrival(entry->id, entry->parent)
                                   : policy_.on_visit(entry->id, entry->parent);
  unused_ = policy_.unused();
  for (const EntryId directory : hints) ask(directory);
}

void ListingAhead::ask(EntryId directory) {
  const SteadyTime deadline = parts_.clock.now() + parts_.options.timeout;
  loader_.load(directory, {Priority::look_ahead, deadline},
               [this, directory](const Result<>& loaded) {
                 if (!loaded) return;
                 events_.push({directory, true});
                 parts_.changes.listed_ahead(directory);
               });
}

std::vector<EntryId> ListingAhead::unlisted(EntryId directory, EntryId after, std::size_t limit) {
  auto found = parts_.cache.catalog().unlisted_after(directory, after, limit);
  return found ? std::move(*found) : std::vector<EntryId>{};
}

}  // namespace lazymirror
