// SPDX-License-Identifier: Apache-2.0
#include "cache/sqlite.h"

#include <sqlite3.h>

#include <cerrno>
#include <utility>

#include "base/crew.h"

namespace lazymirror {
namespace {

// Waiting is needed only while SQLite recovers a log left by a killed process.
constexpr int kBusyMs = 10'000;

Errc errc_of(int status, int os_errno) {
  if (os_errno == ENOSPC || os_errno == EDQUOT) return Errc::no_space;
  switch (status & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Errc::corrupt;
    case SQLITE_FULL: return Errc::no_space;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN: return Errc::denied;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Errc::busy;
    case SQLITE_MISUSE:
    case SQLITE_ERROR: return Errc::corrupt;  // our statements are fixed: the schema is not ours
    default: return Errc::io;
  }
}

Failure failure(sqlite3* db, int status) {
  const int os_errno =
      db != nullptr && (status & 0xff) != SQLITE_FULL ? sqlite3_system_errno(db) : 0;
  std::string message = "the catalog: ";
  message += db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(status);
  const bool of_system = (status & 0xff) == SQLITE_IOERR || (status & 0xff) == SQLITE_CANTOPEN;
  return fail(Error{errc_of(status, of_system ? os_errno : 0), std::move(message),
                    of_system ? os_errno : 0});
}

}  // namespace

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Query& Query::bind(std::int64_t value) {
  if (status_ == SQLITE_OK) status_ = sqlite3_bind_int64(statement_, ++bound_, value);
  return *this;
}

Query& Query::bind(std::string_view bytes) { return bind(std::as_bytes(std::span(bytes))); }

Query& Query::bind(std::span<const std::byte> bytes) {
  // A null pointer would bind NULL instead of an empty blob.
  const void* data = bytes.empty() ? "" : static_cast<const void*>(bytes.data());
  if (status_ == SQLITE_OK) {
    status_ = sqlite3_bind_blob64(statement_, ++bound_, data, bytes.size(), SQLITE_STATIC);
  }
  return *this;
}

Query& Query::bind(std::optional<std::int64_t> value) {
  if (value) return bind(*value);
  ++bound_;  // stays NULL
  return *this;
}

Result<bool> Query::step() {
  note_progress();
  if (status_ == SQLITE_OK) status_ = sqlite3_step(statement_);
  const int status = std::exchange(status_, SQLITE_OK);
  if (status == SQLITE_ROW) return true;
  if (status == SQLITE_DONE) return false;
  return failure(db_, status);
}

Result<> Query::run() {
  for (;;) {
    auto row = step();
    if (!row) return fail(row.error());
    if (!*row) return {};
  }
}

bool Query::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::optional<std::int64_t> Query::maybe(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

std::span<const std::byte> Query::blob(int column) const {
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string Query::text(int column) const {
  const auto bytes = blob(column);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<Database> Database::open(const std::string& path, Access access) {
  const int flags = (access == Access::read_only ? SQLITE_OPEN_READONLY
                                                 : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
                    SQLITE_OPEN_NOMUTEX;
  sqlite3* raw = nullptr;
  const int status = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Database db(raw);  // to be closed even after a failure
  if (status != SQLITE_OK) return failure(raw, status);
  sqlite3_busy_timeout(raw, kBusyMs);
  sqlite3_extended_result_codes(raw, 1);
  return db;
}

Database::Database(Database&& other) noexcept
    : db_(std::exchange(other.db_, nullptr)), statements_(std::move(other.statements_)) {
  other.statements_.clear();
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

Result<> Database::execute(const std::string& sql) {
  const int status = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (status != SQLITE_OK) return failure(db_, status);
  return {};
}

Query Database::query(const char* sql) {
  sqlite3_stmt*& statement = statements_[sql];
  int status = SQLITE_OK;
  if (statement == nullptr) {
    status = sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  }
  return {db_, statement, status};
}

Result<std::int64_t> Database::value(const char* sql) {
  auto q = query(sql);
  auto row = q.step();
  if (!row) return fail(row.error());
  return *row ? q.integer(0) : 0;
}

std::int64_t Database::last_id() const { return sqlite3_last_insert_rowid(db_); }

bool Database::changed_a_row() const { return sqlite3_changes(db_) > 0; }

Transaction::~Transaction() {
  if (open_) (void)db_.execute("ROLLBACK");
}

Result<> Transaction::begin() {
  if (auto r = db_.query("BEGIN IMMEDIATE").run(); !r) return r;
  open_ = true;
  return {};
}

Result<> Transaction::commit() {
  if (auto r = db_.query("COMMIT").run(); !r) return r;  // rolled back by the destructor
  open_ = false;
  return {};
}

}  // namespace lazymirror
