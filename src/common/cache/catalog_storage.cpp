// SPDX-License-Identifier: Apache-2.0
//
// What is stored, when it was last used, and what is pinned, in the catalog.
#include "cache/catalog_impl.h"
#include "cache/record.h"

namespace lazymirror {

std::uint64_t Catalog::stored_bytes() const {
  const std::int64_t sum = impl_->stored;
  return sum > 0 ? static_cast<std::uint64_t>(sum) : 0;
}

// The index leads to them in order; what is complete is told by the bytes, so
// that no map is read.
Result<std::vector<Catalog::Stored>> Catalog::stored_after(std::int64_t used_ns, EntryId id,
                                                           std::size_t limit) const {
  return impl_->read([&](Database& db) -> Result<std::vector<Stored>> {
    auto q = db.query(
        "SELECT c.id, c.bytes, c.used_ns, e.size FROM chunks c INDEXED BY chunks_by_use"
        " JOIN entry e ON e.id = c.id"
        " WHERE c.bytes > 0 AND c.used_ns >= ?1 AND (c.used_ns > ?1 OR c.id > ?2)"
        " ORDER BY c.used_ns, c.id LIMIT ?3");
    q.bind(used_ns).bind(id).bind(std::uint64_t{limit});
    std::vector<Stored> files;
    for (;;) {
      auto row = q.step();
      if (!row) return fail(row.error());
      if (!*row) return files;
      const std::uint64_t bytes = q.number(1);
      const bool complete = !q.is_null(3) && bytes == occupied(q.number(3));
      files.push_back({q.number(0), bytes, q.integer(2), complete});
    }
  });
}

Result<> Catalog::record_uses(std::span<const Use> uses) {
  return impl_->write([&](Database& db) -> Result<> {
    Transaction tx(db);
    if (auto r = tx.begin(); !r) return r;
    for (const Use& use : uses) {
      auto q = db.query("UPDATE chunks SET used_ns = ?1 WHERE id = ?2 AND used_ns < ?1");
      if (auto r = q.bind(use.used_ns).bind(use.id).run(); !r) return r;
    }
    return tx.commit();
  });
}

Result<> Catalog::forget_future_uses(std::int64_t now_ns) {
  return impl_->write([&](Database& db) {
    return db
        .query(
            "UPDATE chunks INDEXED BY chunks_by_use SET used_ns = ?1"
            " WHERE bytes > 0 AND used_ns > ?1")
        .bind(now_ns)
        .run();
  });
}

Result<> Catalog::forget_future_listings(std::int64_t now_ns) {
  return impl_->write([&](Database& db) {
    return db.query("UPDATE directory SET asked_ns = ?1, fresh_until_ns = ?1 WHERE asked_ns > ?1")
        .bind(now_ns)
        .run();
  });
}

Result<> Catalog::pin(EntryId id) {
  return impl_->write_durably([&](Database& db) -> Result<> {
    if (auto entry = entry_by_id(db, id); !entry) return fail(entry.error());
    return db.query("INSERT OR IGNORE INTO pin(id) VALUES(?)").bind(id).run();
  });
}

Result<> Catalog::unpin(EntryId id) {
  return impl_->write_durably([&](Database& db) -> Result<> {
    if (auto r = db.query("DELETE FROM pin WHERE id = ?").bind(id).run(); !r) return r;
    if (db.changed_a_row()) return {};
    return fail(Errc::not_found, "it is not pinned");
  });
}

Result<std::vector<EntryId>> Catalog::pins() const {
  return impl_->read([&](Database& db) -> Result<std::vector<EntryId>> {
    auto q = db.query("SELECT id FROM pin ORDER BY id");
    std::vector<EntryId> ids;
    for (;;) {
      auto row = q.step();
      if (!row) return fail(row.error());
      if (!*row) return ids;
      ids.push_back(q.number(0));
    }
  });
}

Result<std::uint64_t> Catalog::pinned_bytes() const {
  return impl_->read([&](Database& db) -> Result<std::uint64_t> {
    auto sum = db.value(
        "WITH RECURSIVE below(id) AS (SELECT id FROM pin"
        " UNION SELECT e.id FROM entry e INDEXED BY entry_by_parent"
        " JOIN below ON e.parent = below.id)"
        " SELECT ifnull(sum(c.bytes), 0) FROM below JOIN chunks c ON c.id = below.id");
    if (!sum) return fail(sum.error());
    return static_cast<std::uint64_t>(*sum);
  });
}

Result<std::optional<std::uint64_t>> Catalog::cache_size() const {
  return impl_->read([&](Database& db) -> Result<std::optional<std::uint64_t>> {
    auto q = db.query("SELECT cache_size FROM state");
    auto row = q.step();
    if (!row) return fail(row.error());
    if (!*row || q.is_null(0)) return std::optional<std::uint64_t>();
    return q.number(0);
  });
}

Result<> Catalog::set_cache_size(std::uint64_t bytes) {
  return impl_->write_durably(
      [&](Database& db) { return db.query("UPDATE state SET cache_size = ?").bind(bytes).run(); });
}

}  // namespace lazymirror
