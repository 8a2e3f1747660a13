// SPDX-License-Identifier: Apache-2.0
//
// The inside of Catalog: its connections, its schema, and the rules that turn
// rows into entries. Included by the catalog's own sources only.
//
// Locks: each connection has one, held while SQLite works (it blocks on the
// disk, which is why readers have others than the writer); all are leaves.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "cache/catalog.h"
#include "cache/sqlite.h"

namespace lazymirror {

// A few read-only connections, lent to one thread at a time.
class ReadPool {
 public:
  static constexpr std::size_t kConnections = 3;
  Result<> open(const std::string& path);

  template <typename F>
  auto with(F&& f) {
    const Lease lease(*this);
    return f(*lease.db);
  }

 private:
  struct Lease {
    explicit Lease(ReadPool& owner) : pool(owner), db(owner.take()) {}
    ~Lease() { pool.give_back(db); }
    ReadPool& pool;
    Database* db;
  };
  Database* take();
  void give_back(Database* db);

  std::mutex mutex_;  // leaf; never held while SQLite works
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Database>> all_;
  std::vector<Database*> idle_;
};

struct Catalog::Impl {
  Impl(std::string file, Database write, Database check)
      : path(std::move(file)), writer(std::move(write)), checkpointer(std::move(check)) {}

  template <typename F>
  auto read(F&& f) {
    return noted(readers.with(std::forward<F>(f)));
  }
  template <typename F>
  auto write(F&& f) {
    const std::lock_guard lock(write_mutex);
    return after_write(f(writer));
  }
  // As write(), and synced to disk before it returns.
  template <typename F>
  auto write_durably(F&& f) {
    const std::lock_guard lock(write_mutex);
    const FullSync full(writer);
    return after_write(f(writer));
  }
  template <typename R>
  R after_write(R result) {
    if (const auto sum = writer.value("SELECT stored FROM state")) stored = *sum;
    return noted(std::move(result));
  }

  // Damage seen while running has the database checked at the next start.
  template <typename R>
  R noted(R result) {
    if (!result && result.error().code == Errc::corrupt) note_damage();
    return result;
  }
  void note_damage();

  Result<> begin_run(std::string_view boot_id);  // epoch and counts
  Result<> check_if_needed(bool after_power_loss);

  struct FullSync {
    explicit FullSync(Database& d) : db(d) { (void)db.execute("PRAGMA synchronous=FULL"); }
    ~FullSync() { (void)db.execute("PRAGMA synchronous=NORMAL"); }
    Database& db;
  };

  const std::string path;
  std::mutex write_mutex;
  Database writer;
  std::mutex checkpoint_mutex;
  Database checkpointer;
  ReadPool readers;
  std::atomic<std::uint64_t> epoch{0};
  std::atomic<std::int64_t> entries{0};
  std::atomic<std::int64_t> stored{0};
  std::atomic<bool> damaged{false};
  bool began_epoch = false;
};

// The columns that read_entry() expects, in its order.
#define LAZYMIRROR_ENTRY_COLUMNS \
  "id, parent, name, href, kind, generation, size, mtime_ns, ctime_ns, checked_ns, exact"

[[nodiscard]] Entry read_entry(const Query& row);
[[nodiscard]] Result<Entry> entry_by_id(Database& db, EntryId id);  // Errc::not_found

// What is shown of a name in `directory` has changed: it is not placed any more.
Result<> unplace(Database& db, EntryId directory);

// Sizes are stored as SQLite's signed integers; a larger one is a lie anyway.
[[nodiscard]] std::optional<std::int64_t> storable(std::optional<std::uint64_t> size);

// What fits into nanoseconds; a Last-Modified beyond is no date.
[[nodiscard]] constexpr std::int64_t nanoseconds_of(std::int64_t seconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kLast = INT64_MAX / kSecond;
  return std::clamp(seconds, -kLast, kLast) * kSecond;
}

// Opens the connections and brings the schema up. Errors as Catalog::open().
[[nodiscard]] Result<std::unique_ptr<Catalog::Impl>> open_catalog(const std::string& path);

}  // namespace lazymirror
