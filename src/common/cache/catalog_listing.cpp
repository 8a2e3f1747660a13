// SPDX-License-Identifier: Apache-2.0
//
// Merging a new listing of a directory into the catalog: what keeps its id,
// what becomes a new generation, what goes.
#include <unordered_set>

#include "cache/catalog_impl.h"
#include "cache/known_entry.h"

namespace lazymirror {
namespace {

Known read_known(const Query& row) {
  Known k;
  k.id = row.number(0);
  k.kind = static_cast<EntryKind>(row.integer(1));
  k.size = row.maybe(2);
  k.exact = row.integer(3) != 0;
  k.mtime_ns = row.maybe(4);
  k.last_modified = row.maybe(5);
  k.listed_size = row.maybe(6);
  if (!row.is_null(7)) {
    k.listed_time =
        ListedTime{row.integer(7), static_cast<std::int32_t>(row.integer(8)), row.integer(9) != 0};
  }
  if (!row.is_null(10)) k.href = row.text(10);
  k.has_etag = !row.is_null(11);
  k.is_due = row.integer(12) == kLongAgo;
  return k;
}

std::optional<std::int64_t> shown(const std::optional<ListedTime>& time) {
  if (!time || !time->zone_known) return std::nullopt;
  return time->unix_ns;
}

class ListingMerge {
 public:
  ListingMerge(Database& db, EntryId directory, std::int64_t now_ns)
      : db_(db), directory_(directory), now_ns_(now_ns) {}

  Result<> run(std::span<const ListedEntry> entries, std::int64_t fresh_until_ns,
               const ListingValidator& validator) {
    if (auto r = check_directory(); !r) return r;
    if (auto r = look_for_another_zone(entries); !r) return r;
    for (const ListedEntry& entry : entries) {
      if (auto r = merge(entry); !r) return r;
    }
    if (!diff_.first) {
      if (auto r = remove_missing(); !r) return r;
    }
    return finish(fresh_until_ns, validator);
  }

  ListingDiff take_diff() { return std::move(diff_); }
  [[nodiscard]] std::int64_t growth() const { return growth_; }

 private:
  Result<> check_directory();
  Result<> look_for_another_zone(std::span<const ListedEntry> entries);
  Result<> merge(const ListedEntry& entry);
  Result<bool> add(const ListedEntry& entry);  // false: the name exists already
  Result<std::optional<Known>> find(const EntryName& name);
  Result<> update(const Known& known, const ListedEntry& entry);
  Result<> write_changes(const Known& known, const Known& row);
  Result<> write_row(const Known& row);
  Result<> make_due(Known row, const ListedEntry& entry);
  Result<> begin_generation(Known row, const ListedEntry& entry);
  Result<> remove_missing();
  Result<> remove_tree(EntryId id);
  Result<> finish(std::int64_t fresh_until_ns, const ListingValidator& validator);

  Database& db_;
  const EntryId directory_;
  const std::int64_t now_ns_;
  ListingDiff diff_;
  std::unordered_set<EntryId> seen_;
  std::int64_t growth_ = 0;
  bool shown_changed_ = false;  // beyond what the difference tells
  std::int64_t zone_moved_ns_ = 0;
};

Result<> ListingMerge::check_directory() {
  EntryKind kind{};
  EntryId parent = 0;
  {
    auto q = db_.query(
        "SELECT e.kind, d.listed, e.parent FROM entry e"
        " LEFT JOIN directory d ON d.id = e.id WHERE e.id = ?");
    auto row = q.bind(directory_).step();
    if (!row) return fail(row.error());
    if (!*row) {
      return fail(Errc::not_found, "no entry " + std::to_string(directory_) + " in the catalog");
    }
    kind = static_cast<EntryKind>(q.integer(0));
    diff_.first = q.integer(1) == 0;
    parent = q.number(2);
  }
  if (kind == EntryKind::directory) return {};
  if (kind == EntryKind::file) return fail(Errc::not_a_directory, "a listing of a file");
  if (auto r = unplace(db_, parent); !r) return r;
  return db_.query("UPDATE entry SET kind = 1, size = NULL, exact = 0 WHERE id = ?")
      .bind(directory_)
      .run();
}

// Some servers list local times, which all move when the clocks are changed, or
// when another mirror answers. One file with another time of its own, or with none,
// and they have not. Of thousands the first says so as a rule.
Result<> ListingMerge::look_for_another_zone(std::span<const ListedEntry> entries) {
  if (diff_.first) return {};
  std::int64_t moved = 0;
  std::size_t files = 0;
  for (const ListedEntry& entry : entries) {
    if (entry.kind == EntryKind::directory || !entry.mtime) continue;
    const auto known = find(entry.name);
    if (!known) return fail(known.error());
    const auto by = *known ? moved_by(**known, entry.mtime) : std::nullopt;
    if (!by) continue;
    const bool fits = can_be_of_zones(*by) && !is_resized(**known, storable(entry.size));
    if (!fits || (files++ > 0 && *by != moved)) return {};
    moved = *by;
  }
  if (files > 1) zone_moved_ns_ = moved;
  return {};
}

Result<> ListingMerge::merge(const ListedEntry& entry) {
  if (!diff_.first) {
    auto known = find(entry.name);
    if (!known) return fail(known.error());
    if (*known) return update(**known, entry);
  }
  if (auto added = add(entry); !added) return fail(added.error());
  return {};
}

Result<bool> ListingMerge::add(const ListedEntry& entry) {
  const auto size = entry.kind == EntryKind::directory ? std::nullopt : storable(entry.size);
  auto q = db_.query(
      "INSERT INTO entry(parent, name, href, kind, size, exact, mtime_ns, ctime_ns,"
      " listed_size, listed_ns, listed_resolution, listed_zone)"
      " VALUES(?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(parent, name) DO NOTHING");
  q.bind(directory_).bind(std::string_view(entry.name.str()));
  if (entry.href == entry.name.str()) {
    q.bind(std::optional<std::int64_t>());
  } else {
    q.bind(std::string_view(entry.href));
  }
  q.bind(static_cast<std::int64_t>(entry.kind)).bind(size).bind(std::int64_t{size.has_value()});
  q.bind(shown(entry.mtime)).bind(now_ns_).bind(size);
  if (entry.mtime) {
    q.bind(entry.mtime->unix_ns).bind(std::int64_t{entry.mtime->resolution_s});
    q.bind(std::int64_t{entry.mtime->zone_known});
  }
  if (auto r = q.run(); !r) return fail(r.error());
  if (!db_.changed_a_row()) return false;
  const auto id = static_cast<EntryId>(db_.last_id());
  if (!diff_.first) seen_.insert(id);
  diff_.added.push_back({id, entry.name.str(), entry.kind});
  ++growth_;
  return true;
}

Result<std::optional<Known>> ListingMerge::find(const EntryName& name) {
  auto q = db_.query(
      "SELECT id, kind, size, exact, mtime_ns, last_modified, listed_size, listed_ns,"
      " listed_resolution, listed_zone, href, etag, checked_ns FROM entry WHERE parent = ? AND "
      "name = ?");
  auto row = q.bind(directory_).bind(std::string_view(name.str())).step();
  if (!row) return fail(row.error());
  if (!*row) return std::optional<Known>();
  return read_known(q);
}

Result<> ListingMerge::update(const Known& known, const ListedEntry& entry) {
  if (seen_.contains(known.id)) return {};
  const bool fits = known.kind == entry.kind || known.kind == EntryKind::unknown ||
                    entry.kind == EntryKind::unknown;
  if (!fits) {
    diff_.removed.push_back({known.id, entry.name.str(), known.kind});
    if (auto r = remove_tree(known.id); !r) return r;
    if (auto r = add(entry); !r) return fail(r.error());
    return {};
  }
  seen_.insert(known.id);
  Known row = known;
  if (entry.kind != EntryKind::unknown) row.kind = entry.kind;
  row.href = entry.href == entry.name.str() ? std::nullopt : std::optional(entry.href);
  if (row.kind == EntryKind::directory) {
    row.size.reset();
    row.exact = false;
    row.listed_time = entry.mtime ? entry.mtime : known.listed_time;
    row.mtime_ns = shown(row.listed_time);
    return write_changes(known, row);
  }
  const auto size = storable(entry.size);
  if (is_new_version(known, size, entry.mtime)) {
    const bool zone_moved = zone_moved_ns_ != 0 && moved_by(known, entry.mtime) == zone_moved_ns_;
    const bool may_be_known = zone_moved || may_catch_up(known, size, entry.mtime);
    return may_be_known && known.has_validator() ? make_due(std::move(row), entry)
                                                 : begin_generation(std::move(row), entry);
  }
  if (size) row.listed_size = size;
  if (entry.mtime) row.listed_time = entry.mtime;
  if (size && (!row.size || row.size == size)) {
    row.size = size;
    row.exact = !known.is_due;
  }
  if (!row.mtime_ns) row.mtime_ns = shown(row.listed_time);
  return write_changes(known, row);
}

Result<> ListingMerge::write_changes(const Known& known, const Known& row) {
  if (row == known) return {};
  shown_changed_ |=
      row.kind != known.kind || row.size != known.size || row.mtime_ns != known.mtime_ns;
  return write_row(row);
}

Result<> ListingMerge::write_row(const Known& row) {
  auto q = db_.query(
      "UPDATE entry SET kind=?, size=?, exact=?, mtime_ns=?, listed_size=?, listed_ns=?,"
      " listed_resolution=?, listed_zone=?, href=? WHERE id=?");
  q.bind(static_cast<std::int64_t>(row.kind)).bind(row.size).bind(std::int64_t{row.exact});
  q.bind(row.mtime_ns).bind(row.listed_size);
  const std::optional<std::int64_t> none;
  const auto& time = row.listed_time;
  q.bind(time ? std::optional(time->unix_ns) : none);
  q.bind(time ? std::optional<std::int64_t>(time->resolution_s) : none);
  q.bind(time ? std::optional<std::int64_t>(time->zone_known) : none);
  if (row.href) {
    q.bind(std::string_view(*row.href));
  } else {
    q.bind(none);
  }
  return q.bind(row.id).run();
}

// Whether it is another version, or only the zone is another, or the listing says
// only now what is known, the file's validator decides when somebody looks at it.
Result<> ListingMerge::make_due(Known row, const ListedEntry& entry) {
  row.listed_time = entry.mtime;
  row.exact = false;
  if (auto r = write_row(row); !r) return r;
  return db_.query("UPDATE entry SET checked_ns = ? WHERE id = ?")
      .bind(kLongAgo)
      .bind(row.id)
      .run();
}

Result<> ListingMerge::begin_generation(Known row, const ListedEntry& entry) {
  row.size = row.listed_size = storable(entry.size);
  row.exact = row.size.has_value();
  row.listed_time = entry.mtime;
  row.mtime_ns = shown(entry.mtime);
  if (auto r = write_row(row); !r) return r;
  auto next = db_.query(
      "UPDATE entry SET generation = generation + 1, ctime_ns = ?, checked_ns = 0,"
      " etag = NULL, last_modified = NULL WHERE id = ?");
  if (auto r = next.bind(now_ns_).bind(row.id).run(); !r) return r;
  diff_.changed.push_back({row.id, entry.name.str(), row.kind});
  return db_.query("DELETE FROM chunks WHERE id = ?").bind(row.id).run();
}

Result<> ListingMerge::remove_missing() {
  const std::size_t before = diff_.removed.size();
  {
    auto q = db_.query("SELECT id, name, kind FROM entry WHERE parent = ?");
    q.bind(directory_);
    for (;;) {
      auto row = q.step();
      if (!row) return fail(row.error());
      if (!*row) break;
      if (seen_.contains(q.number(0))) continue;
      diff_.removed.push_back({q.number(0), q.text(1), static_cast<EntryKind>(q.integer(2))});
    }
  }
  for (std::size_t i = before; i < diff_.removed.size(); ++i) {
    if (auto r = remove_tree(diff_.removed[i].id); !r) return r;
  }
  return {};
}

Result<> ListingMerge::remove_tree(EntryId id) {
  std::vector<EntryId> doomed{id};
  for (std::size_t i = 0; i < doomed.size(); ++i) {
    auto q = db_.query("SELECT id FROM entry WHERE parent = ?");
    q.bind(doomed[i]);
    for (;;) {
      auto row = q.step();
      if (!row) return fail(row.error());
      if (!*row) break;
      doomed.push_back(q.number(0));
    }
  }
  for (const EntryId each : doomed) {
    if (auto r = db_.query("DELETE FROM chunks WHERE id = ?").bind(each).run(); !r) return r;
    if (auto r = db_.query("DELETE FROM directory WHERE id = ?").bind(each).run(); !r) return r;
    if (auto r = db_.query("DELETE FROM entry WHERE id = ?").bind(each).run(); !r) return r;
  }
  growth_ -= static_cast<std::int64_t>(doomed.size());
  return {};
}

Result<> ListingMerge::finish(std::int64_t fresh_until_ns, const ListingValidator& validator) {
  auto q = db_.query(
      "INSERT INTO directory(id, listed, listed_ns, asked_ns, fresh_until_ns, mtime_ns, etag,"
      " last_modified) VALUES(?1,1,?2,?2,?3,?2,?5,?6)"
      " ON CONFLICT(id) DO UPDATE SET listed = 1, listed_ns = ?2, asked_ns = ?2,"
      " fresh_until_ns = ?3, etag = ?5, last_modified = ?6,"
      " mtime_ns = CASE WHEN ?4 THEN ?2 ELSE mtime_ns END");
  const bool moved = diff_.first || diff_.any();
  if (moved || shown_changed_) {
    if (auto r = unplace(db_, directory_); !r) return r;
  }
  q.bind(directory_).bind(now_ns_).bind(fresh_until_ns).bind(std::int64_t{moved});
  q.bind(std::string_view(validator.etag)).bind(std::string_view(validator.last_modified));
  if (auto r = q.run(); !r) return r;
  if (growth_ == 0) return {};
  return db_.query("UPDATE state SET entries = entries + ?").bind(growth_).run();
}

}  // namespace

Result<ListingDiff> Catalog::store_listing(EntryId directory, std::span<const ListedEntry> entries,
                                           std::int64_t now_ns, std::int64_t fresh_until_ns,
                                           const ListingValidator& validator) {
  return impl_->write([&](Database& db) -> Result<ListingDiff> {
    Transaction tx(db);
    if (auto r = tx.begin(); !r) return fail(r.error());
    ListingMerge merge(db, directory, now_ns);
    if (auto r = merge.run(entries, fresh_until_ns, validator); !r) return fail(r.error());
    if (auto r = tx.commit(); !r) return fail(r.error());
    impl_->entries += merge.growth();
    return merge.take_diff();
  });
}

Result<> Catalog::set_fresh_until(EntryId directory, std::int64_t now_ns,
                                  std::int64_t fresh_until_ns) {
  return impl_->write([&](Database& db) -> Result<> {
    if (auto entry = entry_by_id(db, directory); !entry) return fail(entry.error());
    return db
        .query(
            "INSERT INTO directory(id, asked_ns, fresh_until_ns) VALUES(?1, ?2, ?3)"
            " ON CONFLICT(id) DO UPDATE SET asked_ns = ?2, fresh_until_ns = ?3")
        .bind(directory)
        .bind(now_ns)
        .bind(fresh_until_ns)
        .run();
  });
}

}  // namespace lazymirror
