// SPDX-License-Identifier: Apache-2.0
//
// Opening, looking up, and the state of the cache as a whole. Changes of the
// tree stand in catalog_listing.cpp, file versions in catalog_files.cpp.
#include "cache/catalog.h"

#include <sqlite3.h>

#include <algorithm>

#include "cache/catalog_impl.h"

namespace lazymirror {
namespace {

Result<std::vector<Entry>> all_entries(Query& q) {
  std::vector<Entry> entries;
  for (;;) {
    auto row = q.step();
    if (!row) return fail(row.error());
    if (!*row) return entries;
    entries.push_back(read_entry(q));
  }
}

}  // namespace

std::string sqlite_version_text() { return sqlite3_libversion(); }

Catalog::Catalog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Catalog::~Catalog() = default;

Result<std::unique_ptr<Catalog>> Catalog::open(const std::string& path, std::string_view boot_id) {
  auto impl = open_catalog(path);
  if (!impl) return fail(impl.error());
  if (auto r = (*impl)->begin_run(boot_id); !r) return fail(r.error());
  return std::unique_ptr<Catalog>(new Catalog(std::move(*impl)));
}

Result<std::optional<Entry>> Catalog::find(EntryId directory, std::string_view name) const {
  return impl_->read([&](Database& db) -> Result<std::optional<Entry>> {
    auto q =
        db.query("SELECT " LAZYMIRROR_ENTRY_COLUMNS " FROM entry WHERE parent = ? AND name = ?");
    auto row = q.bind(directory).bind(name).step();
    if (!row) return fail(row.error());
    if (!*row) return std::optional<Entry>();
    return read_entry(q);
  });
}

Result<Entry> Catalog::get(EntryId id) const {
  return impl_->read([&](Database& db) { return entry_by_id(db, id); });
}

Result<std::vector<Entry>> Catalog::children(EntryId directory) const {
  return impl_->read([&](Database& db) {
    auto q = db.query("SELECT " LAZYMIRROR_ENTRY_COLUMNS
                      " FROM entry INDEXED BY entry_by_parent WHERE parent = ? ORDER BY id");
    q.bind(directory);
    return all_entries(q);
  });
}

Result<std::vector<Entry>> Catalog::unsized_after(EntryId directory, EntryId after,
                                                  std::size_t limit) const {
  return impl_->read([&](Database& db) {
    auto q = db.query("SELECT " LAZYMIRROR_ENTRY_COLUMNS
                      " FROM entry INDEXED BY entry_unsized"
                      " WHERE parent = ? AND kind = 0 AND size IS NULL AND id > ?"
                      " ORDER BY id LIMIT ?");
    q.bind(directory).bind(after).bind(std::uint64_t{limit});
    return all_entries(q);
  });
}

Result<std::vector<EntryId>> Catalog::unlisted_after(EntryId directory, EntryId after,
                                                     std::size_t limit) const {
  return impl_->read([&](Database& db) -> Result<std::vector<EntryId>> {
    auto q = db.query(
        "SELECT e.id FROM entry e INDEXED BY entry_by_parent LEFT JOIN directory d ON d.id = e.id"
        " WHERE e.parent = ? AND e.id > ? AND e.kind = 1 AND d.listed IS NOT 1"
        " ORDER BY e.id LIMIT ?");
    q.bind(directory).bind(after).bind(std::uint64_t{limit});
    std::vector<EntryId> ids;
    for (;;) {
      auto row = q.step();
      if (!row) return fail(row.error());
      if (!*row) return ids;
      ids.push_back(q.number(0));
    }
  });
}

Result<std::vector<Entry>> Catalog::children_after(EntryId directory, EntryId after,
                                                   std::size_t limit) const {
  return impl_->read([&](Database& db) {
    auto q = db.query("SELECT " LAZYMIRROR_ENTRY_COLUMNS
                      " FROM entry INDEXED BY entry_by_parent"
                      " WHERE parent = ? AND id > ? ORDER BY id LIMIT ?");
    q.bind(directory).bind(after).bind(std::uint64_t{limit});
    return all_entries(q);
  });
}

Result<std::vector<Entry>> Catalog::named_after(EntryId directory, EntryKind kind,
                                                std::string_view after, std::size_t limit) const {
  return impl_->read([&](Database& db) {
    auto q = db.query("SELECT " LAZYMIRROR_ENTRY_COLUMNS
                      " FROM entry INDEXED BY entry_by_name"
                      " WHERE parent = ? AND name > ? AND kind = ? ORDER BY name LIMIT ?");
    q.bind(directory).bind(after).bind(static_cast<std::uint64_t>(kind));
    q.bind(std::uint64_t{limit});
    return all_entries(q);
  });
}

Result<DirectoryState> Catalog::directory(EntryId id) const {
  return impl_->read([&](Database& db) -> Result<DirectoryState> {
    auto q = db.query(
        "SELECT d.listed, d.listed_ns, d.asked_ns, d.fresh_until_ns, d.mtime_ns,"
        " d.etag, d.last_modified"
        " FROM entry e LEFT JOIN directory d ON d.id = e.id WHERE e.id = ?");
    auto row = q.bind(id).step();
    if (!row) return fail(row.error());
    if (!*row) return fail(Errc::not_found, "no entry " + std::to_string(id) + " in the catalog");
    return DirectoryState{q.integer(0) != 0, q.integer(1), q.integer(2),
                          q.integer(3),      q.integer(4), ListingValidator{q.text(5), q.text(6)}};
  });
}

Result<std::vector<Entry>> Catalog::lineage(EntryId id) const {
  return impl_->read([&](Database& db) -> Result<std::vector<Entry>> {
    std::vector<Entry> path;
    while (id != kRootId) {
      auto entry = entry_by_id(db, id);
      if (!entry) return fail(entry.error());
      id = entry->parent;
      path.push_back(std::move(*entry));
    }
    std::reverse(path.begin(), path.end());
    return path;
  });
}

Result<std::uint64_t> Catalog::entry_count() const {
  return static_cast<std::uint64_t>(impl_->entries.load());
}

Result<Catalog::Files> Catalog::known_files() const {
  return impl_->read([&](Database& db) -> Result<Files> {
    auto q = db.query(
        "SELECT count(*), ifnull(sum(size), 0) FROM entry"
        " WHERE kind = 0 AND size IS NOT NULL");
    auto row = q.step();
    if (!row) return fail(row.error());
    return *row ? Files{q.number(0), q.number(1)} : Files{};
  });
}

Result<std::string> Catalog::origin_url() const {
  return impl_->read([&](Database& db) -> Result<std::string> {
    auto q = db.query("SELECT origin_url FROM state");
    auto row = q.step();
    if (!row) return fail(row.error());
    return *row ? q.text(0) : std::string();
  });
}

Result<> Catalog::set_origin_url(std::string_view url) {
  return impl_->write_durably(
      [&](Database& db) { return db.query("UPDATE state SET origin_url = ?").bind(url).run(); });
}

std::uint64_t Catalog::epoch() const { return impl_->epoch; }

bool Catalog::began_epoch() const { return impl_->began_epoch; }

Result<> Catalog::checkpoint() {
  const std::lock_guard lock(impl_->checkpoint_mutex);
  return impl_->noted(impl_->checkpointer.query("PRAGMA wal_checkpoint(PASSIVE)").run());
}

Result<> Catalog::mark_clean() {
  if (impl_->damaged) return {};  // to be looked at, not trusted
  return impl_->write_durably(
      [](Database& db) { return db.query("UPDATE state SET clean = 1").run(); });
}

}  // namespace lazymirror
