// SPDX-License-Identifier: Apache-2.0
//
// Versions of files and their chunk maps in the catalog.
#include "cache/catalog_impl.h"
#include "cache/chunk_map.h"
#include "cache/record.h"

namespace lazymirror {
namespace {

std::optional<std::int64_t> mtime_of(const Version& version) {
  if (!version.last_modified) return std::nullopt;
  return nanoseconds_of(*version.last_modified);
}

Query& bind_etag(Query& q, const Version& version) {
  if (version.etag.empty()) return q.bind(std::optional<std::int64_t>());
  return q.bind(std::string_view(version.etag));
}

Result<Version> stored_version(Database& db, EntryId id) {
  auto q = db.query("SELECT size, etag, last_modified FROM entry WHERE id = ?");
  auto row = q.bind(id).step();
  if (!row) return fail(row.error());
  if (!*row) return fail(Errc::not_found, "no entry " + std::to_string(id) + " in the catalog");
  return Version{q.number(0), q.text(1), q.maybe(2)};
}

Result<> begin_generation(Database& db, EntryId id, const Version& seen, std::int64_t now_ns) {
  auto q = db.query(
      "UPDATE entry SET generation = generation + 1, exact = 0, size = ?, etag = ?,"
      " last_modified = ?, mtime_ns = ?, ctime_ns = ?, checked_ns = ? WHERE id = ?");
  q.bind(seen.size);
  bind_etag(q, seen).bind(seen.last_modified).bind(mtime_of(seen));
  if (auto r = q.bind(now_ns).bind(now_ns).bind(id).run(); !r) return r;
  return db.query("DELETE FROM chunks WHERE id = ?").bind(id).run();
}

// Nothing known is changed; validators come as a pair or not at all.
Result<> fill_in(Database& db, EntryId id, const Version& seen, std::int64_t now_ns) {
  const auto known = stored_version(db, id);
  if (!known) return fail(known.error());
  const Version& fixed = known->has_validator() ? *known : seen;
  auto q = db.query(
      "UPDATE entry SET kind = 0, size = ifnull(size, ?), etag = ?, last_modified = ?,"
      " mtime_ns = ifnull(mtime_ns, ?), checked_ns = ? WHERE id = ?");
  q.bind(seen.size);
  bind_etag(q, fixed).bind(fixed.last_modified).bind(mtime_of(fixed));
  return q.bind(now_ns).bind(id).run();
}

Result<> renew_generation(Database& db, EntryId id) {
  auto q = db.query("UPDATE entry SET generation = generation + 1 WHERE id = ?");
  if (auto r = q.bind(id).run(); !r) return r;
  return db.query("DELETE FROM chunks WHERE id = ?").bind(id).run();
}

Result<bool> holds_bytes(Database& db, EntryId id) {
  auto q = db.query(
      "SELECT 1 FROM chunks c JOIN entry e ON e.id = c.id AND e.generation = c.generation"
      " WHERE c.id = ? AND c.bytes > 0");
  return q.bind(id).step();
}

bool looks_alike(const Entry& a, const Entry& b) {
  return a.kind == b.kind && a.generation == b.generation && a.size == b.size &&
         a.mtime_ns == b.mtime_ns;
}

// Calls change(entry), which may begin a generation, in one transaction.
template <typename F>
Result<Entry> change_file(Database& db, EntryId id, F&& change) {
  Transaction tx(db);
  if (auto r = tx.begin(); !r) return fail(r.error());
  auto entry = entry_by_id(db, id);
  if (!entry) return entry;
  if (entry->kind == EntryKind::directory) {
    return fail(Errc::is_a_directory, entry->name + " is a directory");
  }
  if (Result<> r = change(*entry); !r) return fail(r.error());
  auto now = entry_by_id(db, id);
  if (!now) return now;
  if (!looks_alike(*entry, *now)) {
    if (auto r = unplace(db, now->parent); !r) return fail(r.error());
  }
  if (auto r = tx.commit(); !r) return fail(r.error());
  return now;
}

Result<> record(Database& db, const Entry& entry, const Version& seen, std::int64_t now_ns) {
  auto known = stored_version(db, entry.id);
  if (!known) return fail(known.error());
  if (!entry.size) known->size = seen.size;
  if (contradicts(*known, seen)) return begin_generation(db, entry.id, seen, now_ns);
  if (!known->has_validator() && seen.has_validator()) {
    const auto nameless = holds_bytes(db, entry.id);
    if (!nameless) return fail(nameless.error());
    if (*nameless) return begin_generation(db, entry.id, seen, now_ns);
  }
  return fill_in(db, entry.id, seen, now_ns);
}

// The upsert keeps off generations that have passed and maps that were cleared
// since the record was taken.
Result<> store(Database& db, const FileRecord& record) {
  const auto crcs = pack_crcs(record.crcs);
  auto q = db.query(
      "INSERT INTO chunks(id, generation, chunk_size, epoch, tag, clears, map, crcs, bytes, "
      "used_ns)"
      " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 WHERE EXISTS("
      "  SELECT 1 FROM entry WHERE id = ?1 AND generation = ?2)"
      " ON CONFLICT(id) DO UPDATE SET generation = excluded.generation,"
      "  chunk_size = excluded.chunk_size, epoch = excluded.epoch, tag = excluded.tag,"
      "  clears = excluded.clears, map = excluded.map, crcs = excluded.crcs,"
      "  bytes = excluded.bytes, used_ns = max(excluded.used_ns, chunks.used_ns)"
      " WHERE excluded.clears >= chunks.clears");
  q.bind(record.id).bind(record.generation).bind(std::uint64_t{record.chunk_size});
  q.bind(record.boot_epoch).bind(record.tag).bind(record.clears);
  q.bind(std::span(record.map)).bind(std::span<const std::byte>(crcs));
  return q.bind(record.bytes).bind(record.used_ns).run();
}

}  // namespace

Result<Entry> Catalog::record_file(EntryId id, const Version& seen, std::int64_t now_ns) {
  if (!storable(seen.size)) return fail(Errc::bad_reply, "a file larger than any can be");
  return impl_->write([&](Database& db) {
    return change_file(db, id, [&](const Entry& entry) { return record(db, entry, seen, now_ns); });
  });
}

Result<Entry> Catalog::supersede(EntryId id, std::uint64_t generation, const Version& seen,
                                 std::int64_t now_ns) {
  if (!storable(seen.size)) return fail(Errc::bad_reply, "a file larger than any can be");
  return impl_->write([&](Database& db) {
    return change_file(db, id, [&](const Entry& entry) -> Result<> {
      if (entry.generation != generation) return {};
      return begin_generation(db, id, seen, now_ns);
    });
  });
}

Result<Entry> Catalog::renew(EntryId id, std::uint64_t generation) {
  return impl_->write([&](Database& db) {
    return change_file(db, id, [&](const Entry& entry) -> Result<> {
      return entry.generation == generation ? renew_generation(db, id) : Result<>();
    });
  });
}

Result<Entry> Catalog::record_directory(EntryId id) {
  return impl_->write([&](Database& db) -> Result<Entry> {
    auto entry = entry_by_id(db, id);
    if (!entry || entry->kind == EntryKind::directory) return entry;
    if (entry->kind == EntryKind::file) {
      return fail(Errc::not_a_directory, entry->name + " is a file");
    }
    Transaction tx(db);
    if (auto r = tx.begin(); !r) return fail(r.error());
    auto q = db.query("UPDATE entry SET kind = 1, size = NULL, exact = 0 WHERE id = ?");
    if (auto r = q.bind(id).run(); !r) return fail(r.error());
    if (auto r = unplace(db, entry->parent); !r) return fail(r.error());
    if (auto r = tx.commit(); !r) return fail(r.error());
    return entry_by_id(db, id);
  });
}

Result<Version> Catalog::bind(EntryId id, std::uint64_t generation, const Version& seen) {
  return impl_->write([&](Database& db) -> Result<Version> {
    auto q = db.query(
        "UPDATE entry SET etag = ?, last_modified = ?, mtime_ns = ifnull(mtime_ns, ?)"
        " WHERE id = ? AND generation = ? AND etag IS NULL AND last_modified IS NULL");
    bind_etag(q, seen).bind(seen.last_modified).bind(mtime_of(seen));
    if (auto r = q.bind(id).bind(generation).run(); !r) return fail(r.error());
    auto now =
        db.query("SELECT size, etag, last_modified FROM entry WHERE id = ? AND generation = ?");
    auto row = now.bind(id).bind(generation).step();
    if (!row) return fail(row.error());
    if (!*row) return seen;
    return Version{now.number(0), now.text(1), now.maybe(2)};
  });
}

Result<std::optional<FileRecord>> Catalog::load(EntryId id) const {
  return impl_->read([&](Database& db) -> Result<std::optional<FileRecord>> {
    auto q = db.query(
        "SELECT e.generation, e.size, e.etag, e.last_modified, e.kind,"
        " c.chunk_size, c.epoch, c.tag, c.clears, c.map, c.crcs, ifnull(e.mtime_ns, e.ctime_ns),"
        " c.bytes, c.used_ns"
        " FROM entry e"
        " LEFT JOIN chunks c ON c.id = e.id AND c.generation = e.generation WHERE e.id = ?");
    auto row = q.bind(id).step();
    if (!row) return fail(row.error());
    if (!*row) return fail(Errc::not_found, "no entry " + std::to_string(id) + " in the catalog");
    if (q.is_null(1) || q.integer(4) == static_cast<int>(EntryKind::directory)) {
      return std::optional<FileRecord>();
    }
    FileRecord record;
    record.id = id;
    record.generation = q.number(0);
    record.version = {q.number(1), q.text(2), q.maybe(3)};
    record.chunk_size = static_cast<std::uint32_t>(q.integer(5));
    record.boot_epoch = q.number(6);
    record.tag = q.number(7);
    record.clears = q.number(8);
    record.map.assign(q.blob(9).begin(), q.blob(9).end());
    record.crcs = unpack_crcs(q.blob(10));
    record.mtime_ns = q.integer(11);
    record.bytes = q.number(12);
    record.used_ns = q.integer(13);
    return record;
  });
}

// Checksums are not looked at, and chunks that still need that check are no
// promise: an older epoch does not count.
Result<std::vector<Catalog::ChildState>> Catalog::complete_files(EntryId directory) const {
  return impl_->read([&](Database& db) -> Result<std::vector<ChildState>> {
    auto q = db.query(
        "SELECT e.id, e.size, c.chunk_size, c.map, c.tag FROM entry e"
        " JOIN chunks c ON c.id = e.id AND c.generation = e.generation"
        " WHERE e.parent = ? AND e.size IS NOT NULL AND c.epoch = ? ORDER BY e.id");
    q.bind(directory).bind(epoch());
    std::vector<ChildState> complete;
    for (;;) {
      auto row = q.step();
      if (!row) return fail(row.error());
      if (!*row) return complete;
      const auto map =
          ChunkMap::parse(q.number(1), static_cast<std::uint32_t>(q.integer(2)), q.blob(3));
      if (map && map->is_complete()) complete.push_back({q.number(0), q.number(4)});
    }
  });
}

Result<std::vector<EntryId>> Catalog::complete_children(EntryId directory) const {
  const auto files = complete_files(directory);
  if (!files) return fail(files.error());
  std::vector<EntryId> ids;
  ids.reserve(files->size());
  for (const ChildState& file : *files) ids.push_back(file.id);
  return ids;
}

Result<> Catalog::commit(std::span<const FileRecord> records) {
  return impl_->write([&](Database& db) -> Result<> {
    Transaction tx(db);
    if (auto r = tx.begin(); !r) return r;
    for (const FileRecord& record : records) {
      if (auto r = store(db, record); !r) return r;
    }
    return tx.commit();
  });
}

Result<> Catalog::clear(const FileRecord& record) {
  return impl_->write_durably([&](Database& db) { return store(db, record); });
}

Result<> Catalog::forget(const FileRecord& record) {
  return impl_->write([&](Database& db) { return store(db, record); });
}

}  // namespace lazymirror
