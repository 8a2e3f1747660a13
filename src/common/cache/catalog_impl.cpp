// SPDX-License-Identifier: Apache-2.0
#include "cache/catalog_impl.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file_io.h"

namespace lazymirror {
namespace {

constexpr std::int64_t kApplicationId = 0x6c7a6d72;  // "lzmr"; shown by file(1)
constexpr std::int64_t kFormat = 4;

// Names are blobs: any bytes, compared as bytes. An entry row is small because
// listings read them all; maps stand in a table of their own. The root's parent
// is 0, so that the root is not among its own children. The sum of all that is
// stored is kept by triggers, whoever changes a record.
constexpr const char* kSchema = R"(
CREATE TABLE state(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  origin_url BLOB NOT NULL DEFAULT x'', boot_id BLOB NOT NULL DEFAULT x'',
  clean INTEGER NOT NULL DEFAULT 1, epoch INTEGER NOT NULL DEFAULT 1,
  entries INTEGER NOT NULL DEFAULT 0, placing_epoch INTEGER NOT NULL DEFAULT 1,
  stored INTEGER NOT NULL DEFAULT 0, cache_size INTEGER);
INSERT INTO state(one) VALUES(1);
CREATE TABLE entry(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  parent INTEGER NOT NULL, name BLOB NOT NULL, href BLOB,
  kind INTEGER NOT NULL, generation INTEGER NOT NULL DEFAULT 1,
  size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER NOT NULL,
  checked_ns INTEGER NOT NULL DEFAULT 0, exact INTEGER NOT NULL DEFAULT 0,
  etag BLOB, last_modified INTEGER,
  listed_size INTEGER, listed_ns INTEGER, listed_resolution INTEGER, listed_zone INTEGER);
CREATE UNIQUE INDEX entry_by_name ON entry(parent, name);
CREATE INDEX entry_by_parent ON entry(parent);
CREATE INDEX entry_unsized ON entry(parent) WHERE kind = 0 AND size IS NULL;
INSERT INTO entry(id, parent, name, kind, ctime_ns) VALUES(1, 0, x'', 1, 0);
CREATE TABLE directory(
  id INTEGER PRIMARY KEY, listed INTEGER NOT NULL DEFAULT 0,
  listed_ns INTEGER NOT NULL DEFAULT 0, fresh_until_ns INTEGER NOT NULL DEFAULT 0,
  asked_ns INTEGER NOT NULL DEFAULT 0, etag BLOB, last_modified BLOB,
  mtime_ns INTEGER NOT NULL DEFAULT 0,
  revision INTEGER NOT NULL DEFAULT 0, placed_epoch INTEGER NOT NULL DEFAULT 0);
CREATE TABLE chunks(
  id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, chunk_size INTEGER NOT NULL,
  epoch INTEGER NOT NULL, tag INTEGER NOT NULL, clears INTEGER NOT NULL,
  bytes INTEGER NOT NULL DEFAULT 0, used_ns INTEGER NOT NULL DEFAULT 0,
  map BLOB NOT NULL, crcs BLOB NOT NULL);
CREATE INDEX chunks_by_use ON chunks(used_ns, bytes) WHERE bytes > 0;
CREATE TRIGGER chunks_added AFTER INSERT ON chunks WHEN new.bytes <> 0 BEGIN
  UPDATE state SET stored = stored + new.bytes; END;
CREATE TRIGGER chunks_changed AFTER UPDATE OF bytes ON chunks WHEN new.bytes <> old.bytes BEGIN
  UPDATE state SET stored = stored + new.bytes - old.bytes; END;
CREATE TRIGGER chunks_removed AFTER DELETE ON chunks WHEN old.bytes <> 0 BEGIN
  UPDATE state SET stored = stored - old.bytes; END;
CREATE TABLE pin(id INTEGER PRIMARY KEY);
CREATE TRIGGER entry_removed AFTER DELETE ON entry BEGIN DELETE FROM pin WHERE id = old.id; END;
)";

Result<> configure_writer(Database& db) {
  // Small caches: the page cache of the kernel holds the database anyway. The
  // checkpoint is left to Catalog::checkpoint(); 80 MiB of log is the net below.
  return db.execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-1024;"
      "PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=16777216;"
      "PRAGMA wal_autocheckpoint=20000;");
}

Result<> create_schema(Database& db) {
  Transaction tx(db);
  if (auto r = tx.begin(); !r) return r;
  if (auto r = db.execute(kSchema); !r) return r;
  const std::string marks = "PRAGMA application_id=" + std::to_string(kApplicationId) +
                            ";PRAGMA user_version=" + std::to_string(kFormat);
  if (auto r = db.execute(marks); !r) return r;
  return tx.commit();
}

Result<> check_format(Database& db) {
  const auto application = db.value("PRAGMA application_id");
  if (!application) return fail(application.error());
  const auto format = db.value("PRAGMA user_version");
  if (!format) return fail(format.error());
  const auto tables = db.value("SELECT count(*) FROM sqlite_master");
  if (!tables) return fail(tables.error());
  if (*application == 0 && *format == 0 && *tables == 0) return create_schema(db);
  if (*application != kApplicationId || *format < kFormat) {
    return fail(Errc::corrupt, "the catalog: not a catalog of lazymirror");
  }
  if (*format > kFormat) {
    return fail(Errc::unsupported, "the catalog was written by a newer lazymirror (format " +
                                       std::to_string(*format) + ", this one knows " +
                                       std::to_string(kFormat) +
                                       "): use that version, or another cache directory");
  }
  return {};
}

std::string mark_path(const std::string& path) { return path + ".check"; }

}  // namespace

Result<> ReadPool::open(const std::string& path) {
  for (std::size_t i = 0; i < kConnections; ++i) {
    auto db = Database::open(path, Database::Access::read_only);
    if (!db) return fail(db.error());
    if (auto r = db->execute("PRAGMA cache_size=-512; PRAGMA temp_store=MEMORY;"); !r) return r;
    all_.push_back(std::make_unique<Database>(std::move(*db)));
    idle_.push_back(all_.back().get());
  }
  return {};
}

Database* ReadPool::take() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [this] { return !idle_.empty(); });
  Database* db = idle_.back();
  idle_.pop_back();
  return db;
}

void ReadPool::give_back(Database* db) {
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(db);
  }
  returned_.notify_one();
}

void Catalog::Impl::note_damage() {
  if (damaged.exchange(true)) return;
  (void)open_fd(AT_FDCWD, mark_path(path), O_CREAT | O_WRONLY | O_NOFOLLOW);
}

Result<> Catalog::Impl::check_if_needed(bool after_power_loss) {
  const bool marked = ::access(mark_path(path).c_str(), F_OK) == 0;
  if (!marked && !after_power_loss) return {};
  {
    auto q = writer.query("PRAGMA quick_check(1)");
    auto row = q.step();
    if (!row) return fail(row.error());
    if (!*row || q.text(0) != "ok") {
      return fail(Errc::corrupt, "the catalog: " + (*row ? q.text(0) : "cannot be checked"));
    }
  }
  if (marked) ::unlink(mark_path(path).c_str());
  return {};
}

Result<> Catalog::Impl::begin_run(std::string_view boot_id) {
  bool same_boot = false;
  bool clean = false;
  {
    auto q = writer.query("SELECT boot_id, clean, epoch, entries, stored FROM state");
    auto row = q.step();
    if (!row) return fail(row.error());
    if (!*row) return fail(Errc::corrupt, "the catalog: has lost its state");
    same_boot = q.text(0) == boot_id;
    clean = q.integer(1) != 0;
    epoch = q.number(2);
    entries = q.integer(3);
    stored = q.integer(4);
  }
  began_epoch = !clean && !same_boot;
  if (auto r = check_if_needed(began_epoch); !r) return r;
  if (began_epoch) ++epoch;
  return writer
      .query(
          "UPDATE state SET boot_id = ?, clean = 0, epoch = ?, placing_epoch = placing_epoch + ?")
      .bind(boot_id)
      .bind(epoch.load())
      .bind(std::int64_t{began_epoch})
      .run();
}

Entry read_entry(const Query& row) {
  Entry e;
  e.id = row.number(0);
  e.parent = e.id == kRootId ? kRootId : row.number(1);
  e.name = row.text(2);
  e.href = row.is_null(3) ? e.name : row.text(3);
  e.kind = static_cast<EntryKind>(row.integer(4));
  e.generation = row.number(5);
  if (!row.is_null(6)) e.size = row.number(6);
  e.mtime_ns = row.maybe(7);
  e.ctime_ns = row.integer(8);
  e.checked_ns = row.integer(9);
  e.listing_is_exact = row.integer(10) != 0;
  return e;
}

Result<Entry> entry_by_id(Database& db, EntryId id) {
  auto q = db.query("SELECT " LAZYMIRROR_ENTRY_COLUMNS " FROM entry WHERE id = ?");
  auto row = q.bind(id).step();
  if (!row) return fail(row.error());
  if (!*row) return fail(Errc::not_found, "no entry " + std::to_string(id) + " in the catalog");
  return read_entry(q);
}

std::optional<std::int64_t> storable(std::optional<std::uint64_t> size) {
  if (!size || *size > std::uint64_t{INT64_MAX}) return std::nullopt;
  return static_cast<std::int64_t>(*size);
}

Result<std::unique_ptr<Catalog::Impl>> open_catalog(const std::string& path) {
  auto writer = Database::open(path, Database::Access::read_write);
  if (!writer) return fail(writer.error());
  if (auto r = configure_writer(*writer); !r) return fail(r.error());
  if (auto r = check_format(*writer); !r) return fail(r.error());
  auto checkpointer = Database::open(path, Database::Access::read_write);
  if (!checkpointer) return fail(checkpointer.error());
  if (auto r = checkpointer->execute("PRAGMA cache_size=-64"); !r) return fail(r.error());
  auto impl = std::make_unique<Catalog::Impl>(path, std::move(*writer), std::move(*checkpointer));
  if (auto r = impl->readers.open(path); !r) return fail(r.error());
  return impl;
}

}  // namespace lazymirror
