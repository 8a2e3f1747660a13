// SPDX-License-Identifier: Apache-2.0
//
// The little of SQLite that the catalog needs: an owned connection, prepared
// statements that are kept, results as values. Not synchronised: one thread at
// a time per connection. Must not be carried over a fork.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace lazymirror {

// One run of a prepared statement; ready for the next run when destroyed. An
// error of any step is reported by the following step() or run().
class Query {
 public:
  Query(sqlite3* db, sqlite3_stmt* statement, int status)
      : db_(db), statement_(statement), status_(status) {}
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // Parameters in order.
  Query& bind(std::int64_t value);
  Query& bind(std::uint64_t value) { return bind(static_cast<std::int64_t>(value)); }
  Query& bind(std::string_view bytes);  // as a blob; must live until the run
  Query& bind(std::span<const std::byte> bytes);
  Query& bind(std::optional<std::int64_t> value);

  [[nodiscard]] Result<bool> step();  // true: a row can be read
  Result<> run();                     // to the end, ignoring rows

  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::uint64_t number(int column) const {
    return static_cast<std::uint64_t>(integer(column));
  }
  [[nodiscard]] std::optional<std::int64_t> maybe(int column) const;
  [[nodiscard]] std::span<const std::byte> blob(int column) const;  // until the next step
  [[nodiscard]] std::string text(int column) const;

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_;
  int status_;
  int bound_ = 0;
};

class Database {
 public:
  enum class Access { read_write, read_only };
  [[nodiscard]] static Result<Database> open(const std::string& path, Access access);
  Database(Database&& other) noexcept;
  Database& operator=(Database&&) = delete;
  ~Database();

  Result<> execute(const std::string& sql);
  // `sql` must have static lifetime: it is also the key under which the
  // prepared statement is kept.
  [[nodiscard]] Query query(const char* sql);
  // The first column of the first row.
  [[nodiscard]] Result<std::int64_t> value(const char* sql);
  [[nodiscard]] std::int64_t last_id() const;
  [[nodiscard]] bool changed_a_row() const;  // by the last INSERT, UPDATE or DELETE

 private:
  explicit Database(sqlite3* db) : db_(db) {}
  sqlite3* db_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

// Rolled back unless committed.
class Transaction {
 public:
  explicit Transaction(Database& db) : db_(db) {}
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Result<> begin();
  Result<> commit();

 private:
  Database& db_;
  bool open_ = false;
};

}  // namespace lazymirror
