// SPDX-License-Identifier: Apache-2.0
//
// Names, attributes and listings: from the catalog at once where it knows them,
// from the origin where it does not. What has expired is served while one
// refresh runs behind the scenes; only "no such name" waits for it, unless
// EngineOptions::strict_ttl is set. Nobody waits for an origin that is known to
// be away where something old is at hand.
//
// Threads: safe from any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/directory_loader.h"
#include "engine/listing_ahead.h"
#include "engine/parts.h"
#include "engine/prober.h"

namespace lazymirror {

class Tree {
 public:
  using ViewPtr = std::shared_ptr<const DirectoryView>;

  Tree(const Parts& parts, const Describer& describer, ViewCache& views, DirectoryLoader& loader,
       Prober& prober, ListingAhead& ahead)
      : parts_(parts),
        describer_(describer),
        views_(views),
        loader_(loader),
        prober_(prober),
        ahead_(ahead) {}

  void lookup(EntryId directory, std::string_view name, RequestContext context,
              Completion<Attributes> done);
  void attributes(EntryId id, RequestContext context, Completion<Attributes> done);
  void list(EntryId directory, RequestContext context, Completion<ViewPtr> done);
  [[nodiscard]] Result<EntryId> find(std::string_view path) const;
  // As Engine's.
  void refresh(EntryId id, RequestContext context, Completion<> done);
  // Fetches the listing of what may turn out to be no directory.
  void populate(EntryId directory, RequestContext context, Completion<> done);

 private:
  void resolve(const Entry& entry, RequestContext context, Completion<Attributes> done);
  void note_look(const Entry& entry);
  void reprobe(const Entry& entry, RequestContext context, Completion<Attributes> done);
  void answer(const Result<Entry>& entry, Completion<Attributes> done);
  [[nodiscard]] bool is_old(const Entry& entry) const;
  [[nodiscard]] bool is_old(const DirectoryState& state) const;
  [[nodiscard]] bool absence_is_old(const DirectoryState& state) const;
  [[nodiscard]] bool must_wait() const;
  void answer_view(EntryId directory, bool visit, bool first, Completion<ViewPtr> done);
  void find_known(EntryId directory, const std::string& name, RequestContext context,
                  Completion<Attributes> done);
  void note_visit(const ViewPtr& view, bool first);
  [[nodiscard]] ViewPtr known_view(EntryId directory);
  [[nodiscard]] Result<ViewPtr> make_view(EntryId directory);
  [[nodiscard]] ViewPtr updated(const ViewCache::Found& found);
  void refresh_if_old(EntryId directory, std::int64_t fresh_until_ns);

  const Parts& parts_;
  const Describer& describer_;
  ViewCache& views_;
  DirectoryLoader& loader_;
  Prober& prober_;
  ListingAhead& ahead_;
};

}  // namespace lazymirror
