// SPDX-License-Identifier: Apache-2.0
#include "engine/tree.h"

#include <algorithm>
#include <utility>

namespace lazymirror {
namespace {

Failure no_such_name(std::string_view name) {
  return fail(Errc::not_found, "there is no " + std::string(name));
}

Failure not_a_directory(const Entry& entry) {
  return fail(Errc::not_a_directory, entry.name + " is not a directory");
}

std::int64_t ns(Duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

}  // namespace

// --- how old is too old ---

bool Tree::is_old(const DirectoryState& state) const {
  return state.listed && parts_.clock.wall_ns() >= state.fresh_until_ns;
}

// Sizes from a listing are as fresh as the listing; those from a probe have to
// be asked for again some time.
bool Tree::is_old(const Entry& entry) const {
  if (entry.kind != EntryKind::file || entry.listing_is_exact || entry.checked_ns == 0)
    return false;
  const std::int64_t age = parts_.clock.wall_ns() - entry.checked_ns;
  return age > ns(parts_.ttls.listing()) || age < 0;  // then the clock was ahead
}

bool Tree::absence_is_old(const DirectoryState& state) const {
  const std::int64_t now = parts_.clock.wall_ns();
  return now >= std::min(state.fresh_until_ns, state.asked_ns + ns(parts_.ttls.absence()));
}

bool Tree::must_wait() const { return parts_.options.strict_ttl && !parts_.uplink.is_away(); }

void Tree::refresh_if_old(EntryId directory, std::int64_t fresh_until_ns) {
  if (parts_.clock.wall_ns() < fresh_until_ns || parts_.uplink.is_offline()) return;
  loader_.refresh(directory);
}

void Tree::refresh(EntryId id, RequestContext context, Completion<> done) {
  const auto entry = parts_.cache.catalog().get(id);
  if (!entry) return done(fail(entry.error()));
  constexpr DirectoryLoader::Manner kAnew{.in_full = true, .patient = true};
  if (entry->kind == EntryKind::directory) {
    return loader_.reload(id, context, kAnew, std::move(done));
  }
  prober_.check(*entry, context,
                [this, id, context, was = entry->kind,
                 done = std::move(done)](const Result<Entry>& now) mutable {
                  if (!now) return done(fail(now.error()));
                  const bool found_out = was == EntryKind::unknown;
                  if (now->kind != EntryKind::directory || !found_out) return done({});
                  loader_.reload(id, context, kAnew, std::move(done));
                });
}

// --- attributes ---

void Tree::attributes(EntryId id, RequestContext context, Completion<Attributes> done) {
  const auto entry = parts_.cache.catalog().get(id);
  if (!entry) return done(fail(entry.error()));
  if (entry->kind != EntryKind::directory || !must_wait()) {
    return resolve(*entry, context, std::move(done));
  }
  // A directory's time is that of its listing.
  const auto state = parts_.cache.catalog().directory(id);
  if (!state || !is_old(*state)) return resolve(*entry, context, std::move(done));
  loader_.load(id, halved(context, parts_.clock.now()),
               [this, id, done = std::move(done)](const Result<>&) mutable {
                 answer(parts_.cache.catalog().get(id), std::move(done));
               });
}

void Tree::answer(const Result<Entry>& entry, Completion<Attributes> done) {
  if (!entry) return done(fail(entry.error()));
  auto known = describer_.attributes(*entry);
  if (!known) return done(fail(Errc::bad_reply, "the origin does not say how large it is"));
  done(std::move(*known));
}

void Tree::resolve(const Entry& entry, RequestContext context, Completion<Attributes> done) {
  if (is_old(entry) && must_wait()) return reprobe(entry, context, std::move(done));
  if (auto known = describer_.attributes(entry)) {
    note_look(entry);
    return done(std::move(*known));
  }
  prober_.probe(entry, context, [this, done = std::move(done)](const Result<Entry>& found) mutable {
    answer(found, std::move(done));
  });
}

// What cannot be asked for again stays as it was.
void Tree::reprobe(const Entry& entry, RequestContext context, Completion<Attributes> done) {
  prober_.check(entry, halved(context, parts_.clock.now()),
                [this, entry, done = std::move(done)](const Result<Entry>& now) mutable {
                  answer(now ? now : Result<Entry>(entry), std::move(done));
                });
}

void Tree::note_look(const Entry& entry) {
  if (entry.kind != EntryKind::file || entry.listing_is_exact || entry.checked_ns == 0) return;
  prober_.note_use(entry);
  if (is_old(entry) && !parts_.uplink.is_offline()) prober_.recheck(entry, Priority::look_ahead);
}

// --- names ---

void Tree::lookup(EntryId directory, std::string_view name, RequestContext context,
                  Completion<Attributes> done) {
  const Catalog& catalog = parts_.cache.catalog();
  const auto state = catalog.directory(directory);
  if (!state) return done(fail(state.error()));
  if (!state->listed) {
    return populate(directory, context,
                    [this, directory, wanted = std::string(name), context,
                     done = std::move(done)](const Result<>& loaded) mutable {
                      if (!loaded) return done(fail(loaded.error()));
                      find_known(directory, wanted, context, std::move(done));
                    });
  }
  const auto found = catalog.find(directory, name);
  if (!found) return done(fail(found.error()));
  const bool wait =
      *found ? is_old(*state) && must_wait() : absence_is_old(*state) && !parts_.uplink.is_away();
  if (wait) {
    // The old listing decides when there is no newer one.
    return loader_.load_since(
        directory, state->asked_ns, halved(context, parts_.clock.now()),
        [this, directory, wanted = std::string(name), context, done = std::move(done)](
            const Result<>&) mutable { find_known(directory, wanted, context, std::move(done)); });
  }
  refresh_if_old(directory, state->fresh_until_ns);
  if (!*found) return done(no_such_name(name));
  resolve(**found, context, std::move(done));
}

void Tree::find_known(EntryId directory, const std::string& name, RequestContext context,
                      Completion<Attributes> done) {
  const auto found = parts_.cache.catalog().find(directory, name);
  if (!found) return done(fail(found.error()));
  if (!*found) return done(no_such_name(name));
  resolve(**found, context, std::move(done));
}

Result<EntryId> Tree::find(std::string_view path) const {
  EntryId at = kRootId;
  for (std::string_view rest = path; !rest.empty();) {
    const auto end = std::min(rest.find('/'), rest.size());
    const auto found = parts_.cache.catalog().find(at, rest.substr(0, end));
    if (!found) return fail(found.error());
    if (!*found) return fail(Errc::not_found, "nothing is known of " + std::string(path));
    at = (*found)->id;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return at;
}

// --- listings ---

void Tree::populate(EntryId directory, RequestContext context, Completion<> done) {
  const auto entry = parts_.cache.catalog().get(directory);
  if (!entry) return done(fail(entry.error()));
  if (entry->kind == EntryKind::file) return done(not_a_directory(*entry));
  if (entry->kind == EntryKind::directory) {
    return loader_.load(directory, context, std::move(done));
  }
  prober_.probe(*entry, context,
                [this, directory, context, done = std::move(done)](Result<Entry> now) mutable {
                  if (!now) return done(fail(std::move(now.error())));
                  if (now->kind != EntryKind::directory) return done(not_a_directory(*now));
                  loader_.load(directory, context, std::move(done));
                });
}

void Tree::list(EntryId directory, RequestContext context, Completion<ViewPtr> done) {
  const bool visit = context.priority == Priority::demand;
  if (auto view = known_view(directory)) {
    if (visit) note_visit(view, false);
    return done(std::move(view));
  }
  const auto state = parts_.cache.catalog().directory(directory);
  if (!state) return done(fail(state.error()));
  if (state->listed && !(is_old(*state) && must_wait())) {
    refresh_if_old(directory, state->fresh_until_ns);
    return answer_view(directory, visit, false, std::move(done));
  }
  auto then = [this, directory, visit, known = state->listed,
               done = std::move(done)](Result<> loaded) mutable {
    if (!loaded && !known) return done(fail(std::move(loaded.error())));
    answer_view(directory, visit, !known, std::move(done));
  };
  if (state->listed) {
    return loader_.load(directory, halved(context, parts_.clock.now()), std::move(then));
  }
  populate(directory, context, std::move(then));
}

void Tree::answer_view(EntryId directory, bool visit, bool first, Completion<ViewPtr> done) {
  auto view = make_view(directory);
  if (view && visit) note_visit(*view, first);
  done(std::move(view));
}

void Tree::note_visit(const ViewPtr& view, bool first) {
  if (ahead_.is_latest(view->id)) return;
  const bool leaf = std::none_of(view->items.begin(), view->items.end(), [](const auto& item) {
    return item.kind == EntryKind::directory;
  });
  if (leaf && !first) return ahead_.visited_leaf(view->id);
  ahead_.visited(view->id);
}

Tree::ViewPtr Tree::known_view(EntryId directory) {
  const auto found = views_.find(directory);
  if (!found) return nullptr;
  const bool old = parts_.clock.wall_ns() >= found->fresh_until_ns;
  if (old && must_wait()) return nullptr;
  refresh_if_old(directory, found->fresh_until_ns);
  if (found->outdated.empty()) return found->view;
  auto view = updated(*found);
  views_.put(view, found->fresh_until_ns, found->token);
  return view;
}

// Brings single entries up to date in a copy: whoever reads the old one goes on.
Tree::ViewPtr Tree::updated(const ViewCache::Found& found) {
  auto view = std::make_shared<DirectoryView>(*found.view);
  std::vector<EntryId> ids = found.outdated;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (const EntryId id : ids) {
    const auto item = std::lower_bound(
        view->items.begin(), view->items.end(), id,
        [](const DirectoryView::Item& i, EntryId wanted) { return i.id < wanted; });
    if (item == view->items.end() || item->id != id) continue;
    if (const auto entry = parts_.cache.catalog().get(id)) *item = describer_.item(*entry);
  }
  return view;
}

Result<Tree::ViewPtr> Tree::make_view(EntryId directory) {
  const auto token = views_.begin(directory);
  const Catalog& catalog = parts_.cache.catalog();
  const auto entry = catalog.get(directory);
  if (!entry) return fail(entry.error());
  const auto state = catalog.directory(directory);
  if (!state) return fail(state.error());
  const auto children = catalog.children(directory);
  if (!children) return fail(children.error());
  auto view = std::make_shared<DirectoryView>();
  view->id = directory;
  view->parent = entry->parent;
  if (const auto own = describer_.attributes(*entry)) view->mtime_ns = own->mtime_ns;
  view->items = describer_.items(directory, *children);
  views_.put(view, state->fresh_until_ns, token);
  return view;
}

}  // namespace lazymirror
