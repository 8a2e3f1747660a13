// SPDX-License-Identifier: Apache-2.0
//
// Which directories the data tree shows as the catalog knows them. "Placed" is
// a number that equals the cache's placing epoch, so that all directories lose
// it at once without being looked at.
#include "cache/catalog_impl.h"

namespace lazymirror {

Result<> unplace(Database& db, EntryId directory) {
  return db
      .query(
          "INSERT INTO directory(id, revision) VALUES(?1, 1)"
          " ON CONFLICT(id) DO UPDATE SET revision = revision + 1, placed_epoch = 0")
      .bind(directory)
      .run();
}

Result<std::uint64_t> Catalog::revision(EntryId directory) const {
  return impl_->read([&](Database& db) -> Result<std::uint64_t> {
    auto q = db.query("SELECT revision FROM directory WHERE id = ?");
    auto row = q.bind(directory).step();
    if (!row) return fail(row.error());
    return *row ? q.number(0) : 0;
  });
}

Result<> Catalog::set_placed(EntryId directory, std::uint64_t revision) {
  return impl_->write([&](Database& db) -> Result<> {
    return db
        .query(
            "UPDATE directory SET placed_epoch = (SELECT placing_epoch FROM state)"
            " WHERE id = ? AND revision = ? AND listed = 1")
        .bind(directory)
        .bind(revision)
        .run();
  });
}

Result<> Catalog::set_unplaced(EntryId directory) {
  return impl_->write([&](Database& db) { return unplace(db, directory); });
}

Result<bool> Catalog::is_placed(EntryId directory) const {
  return impl_->read([&](Database& db) -> Result<bool> {
    auto q =
        db.query("SELECT 1 FROM directory, state WHERE id = ? AND placed_epoch = placing_epoch");
    return q.bind(directory).step();
  });
}

Result<> Catalog::forget_placed() {
  return impl_->write([](Database& db) {
    // Nothing is written where nothing was placed: the disk may be full.
    return db
        .query(
            "UPDATE state SET placing_epoch = placing_epoch + 1 WHERE EXISTS"
            " (SELECT 1 FROM directory WHERE placed_epoch = state.placing_epoch)")
        .run();
  });
}

Result<std::vector<EntryId>> Catalog::placed_directories(EntryId directory) const {
  return impl_->read([&](Database& db) -> Result<std::vector<EntryId>> {
    auto q = db.query(
        "SELECT e.id FROM state, entry e JOIN directory d ON d.id = e.id"
        " WHERE e.parent = ? AND e.kind = 1 AND d.placed_epoch = state.placing_epoch ORDER BY "
        "e.id");
    q.bind(directory);
    std::vector<EntryId> placed;
    for (;;) {
      auto row = q.step();
      if (!row) return fail(row.error());
      if (!*row) return placed;
      placed.push_back(q.number(0));
    }
  });
}

// What the origin says; where it says nothing, when we last saw a change.
Result<std::int64_t> Catalog::shown_mtime_ns(const Entry& entry) const {
  if (entry.mtime_ns) return *entry.mtime_ns;
  if (entry.kind != EntryKind::directory) return entry.ctime_ns;
  const auto state = directory(entry.id);
  if (!state) return fail(state.error());
  return state->listed ? state->mtime_ns : entry.ctime_ns;
}

}  // namespace lazymirror
