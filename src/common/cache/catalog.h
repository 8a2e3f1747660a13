// SPDX-License-Identifier: Apache-2.0
//
// The catalog: every directory, entry and file version that is known, in one
// SQLite database (WAL). The truth about names, sizes and times; the data
// files carry only bytes.
//
// Threads: safe from any thread. Readers use connections of their own and do
// not wait for writers (https://www.sqlite.org/wal.html). Listing and chunk
// commits are not synced (a lost tail is only refetched); clearing of chunks
// is durable before the call returns. Open it after the last fork: SQLite's
// locks belong to a process.
// Errors: Errc::corrupt for a damaged database, Errc::no_space, Errc::io.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cache/entry.h"

namespace lazymirror {

// The stored state of one generation of a file: its version and which chunks
// are present.
struct FileRecord {
  EntryId id = 0;
  std::uint64_t generation = 0;
  Version version;
  std::uint32_t chunk_size = 0;
  std::vector<std::byte> map;       // ChunkMap::serialise(); empty: nothing present
  std::vector<std::uint32_t> crcs;  // one per chunk, valid where the bit is set
  std::uint64_t boot_epoch = 0;     // the epoch of the last commit, see epoch()
  std::uint64_t tag = 0;            // of the data file that the map was made for
  std::uint64_t clears = 0;         // how often bits were cleared; see commit()
  std::uint64_t bytes = 0;          // what the present chunks hold of the disk: occupied()
  std::int64_t used_ns = 0;         // wall time of the last use
  std::int64_t mtime_ns = 0;        // as users see it
};

class Catalog {
 public:
  // Opens or creates the database. `boot_id` is that of the running system:
  // a different one without a clean stop begins a new epoch. Errc::corrupt when
  // it is damaged or no catalog, Errc::unsupported when a newer program made it.
  [[nodiscard]] static Result<std::unique_ptr<Catalog>> open(const std::string& path,
                                                             std::string_view boot_id);
  ~Catalog();

  // --- the tree ---
  [[nodiscard]] Result<std::optional<Entry>> find(EntryId directory, std::string_view name) const;
  [[nodiscard]] Result<Entry> get(EntryId id) const;                           // Errc::not_found
  [[nodiscard]] Result<std::vector<Entry>> children(EntryId directory) const;  // in order of id
  // Up to `limit` files of `directory` after `after` whose size is unknown.
  [[nodiscard]] Result<std::vector<Entry>> unsized_after(EntryId directory, EntryId after,
                                                         std::size_t limit) const;
  // Up to `limit` subdirectories after `after` that were never listed; by id.
  [[nodiscard]] Result<std::vector<EntryId>> unlisted_after(EntryId directory, EntryId after,
                                                            std::size_t limit) const;
  // Up to `limit` children after one of them: by id; of one kind, by name.
  [[nodiscard]] Result<std::vector<Entry>> children_after(EntryId directory, EntryId after,
                                                          std::size_t limit) const;
  [[nodiscard]] Result<std::vector<Entry>> named_after(EntryId directory, EntryKind kind,
                                                       std::string_view after,
                                                       std::size_t limit) const;
  [[nodiscard]] Result<DirectoryState> directory(EntryId id) const;
  // Up to `limit` subdirectories after `after`; by id.
  [[nodiscard]] Result<std::vector<EntryId>> directories_after(EntryId directory, EntryId after,
                                                               std::size_t limit) const;
  // From the first component below the root to `id`; empty for the root.
  [[nodiscard]] Result<std::vector<Entry>> lineage(EntryId id) const;
  [[nodiscard]] Result<std::uint64_t> entry_count() const;
  // All files whose size is known. Looks at every entry.
  struct Files {
    std::uint64_t count = 0, bytes = 0;
  };
  [[nodiscard]] Result<Files> known_files() const;

  // Replaces the listing of `directory` in one transaction. An entry keeps its
  // id while its name keeps its kind (unknown matches any). A file whose listed
  // size or time differs from what was listed before becomes a new generation,
  // unless the listing only catches up with what record_file() was told. Of
  // equal names the first counts. Errc::not_found, Errc::not_a_directory.
  Result<ListingDiff> store_listing(EntryId directory, std::span<const ListedEntry> entries,
                                    std::int64_t now_ns, std::int64_t fresh_until_ns,
                                    const ListingValidator& validator = {});
  // Only moves the date: the listing was asked for again and is unchanged, or
  // could not be had (then with a short time).
  Result<> set_fresh_until(EntryId directory, std::int64_t now_ns, std::int64_t fresh_until_ns);

  // Records what a probe or a first fetch told. Fills in what was unknown; when
  // it contradicts what is known of the current generation, a new generation
  // begins. What only one side states is no contradiction; but bytes that are
  // stored of a generation without validators are not given any: a new one
  // begins. Returns the entry as it then is. Errc::is_a_directory;
  // Errc::bad_reply for an impossible size.
  Result<Entry> record_file(EntryId id, const Version& seen, std::int64_t now_ns);
  // Begins a new generation, of `seen`, unless `generation` has passed. Returns
  // and fails as record_file().
  Result<Entry> supersede(EntryId id, std::uint64_t generation, const Version& seen,
                          std::int64_t now_ns);
  // The same where nothing is known to have changed: all that is shown stays.
  Result<Entry> renew(EntryId id, std::uint64_t generation);
  Result<Entry> record_directory(EntryId id);  // an unknown kind turned out to be one
  // Fixes the validators of a generation that has none; those that it then has.
  // Of a generation that is no longer current: those of `seen`.
  Result<Version> bind(EntryId id, std::uint64_t generation, const Version& seen);

  // --- file versions ---
  // The current generation; nothing while the size is unknown. Errc::not_found.
  [[nodiscard]] Result<std::optional<FileRecord>> load(EntryId id) const;
  // The files of `directory` that were complete at the last commit, in order of
  // id: a hint for listings that looks at no data file.
  [[nodiscard]] Result<std::vector<EntryId>> complete_children(EntryId directory) const;
  // The files of a directory as of the last commit: a hint, as above.
  struct FileTotals {
    std::uint64_t files = 0, bytes = 0;  // of known size
    std::uint64_t complete = 0, complete_bytes = 0;
    std::uint64_t cached = 0, cached_bytes = 0;  // with any chunk present
    std::uint64_t unsized = 0;                   // what they are or how large is not known
  };
  [[nodiscard]] Result<FileTotals> file_totals(EntryId directory) const;
  // Up to `limit` files after `after` that are not complete, or that have any
  // chunk present; by id.
  [[nodiscard]] Result<std::vector<Entry>> incomplete_after(EntryId directory, EntryId after,
                                                            std::size_t limit) const;
  [[nodiscard]] Result<std::vector<Entry>> cached_after(EntryId directory, EntryId after,
                                                        std::size_t limit) const;
  // Sets bits and checksums of many files in one transaction. Skipped are
  // records of generations that are no longer current, and those taken before
  // the last clear() (fewer `clears`): they would bring cleared bits back.
  Result<> commit(std::span<const FileRecord> records);
  // Replaces the map of one file by one with fewer bits, durably (fsync).
  // REQUIRES: record.clears is larger than ever before.
  Result<> clear(const FileRecord& record);
  // The same, not synced: for who gives up the whole data file, as no later one
  // has its tag.
  Result<> forget(const FileRecord& record);

  // --- what is stored, and what may go (catalog_storage.cpp) ---
  // The bytes of all records; the catalog keeps the sum, no table is scanned.
  [[nodiscard]] std::uint64_t stored_bytes() const;
  struct Stored {
    EntryId id = 0;
    std::uint64_t bytes = 0;
    std::int64_t used_ns = 0;
    bool complete = false;
  };
  // Up to `limit` files of which bytes are stored, the longest unused first,
  // those that come after a file of that use and id.
  [[nodiscard]] Result<std::vector<Stored>> stored_after(std::int64_t used_ns, EntryId id,
                                                         std::size_t limit) const;
  // Last uses of many files in one transaction; what is earlier than the
  // recorded one does not count.
  struct Use {
    EntryId id = 0;
    std::int64_t used_ns = 0;
  };
  Result<> record_uses(std::span<const Use> uses);
  // After a time in which the clock was ahead: what was used or listed later than
  // `now_ns` would be the last to go, and fresh, for as long.
  Result<> forget_future_uses(std::int64_t now_ns);
  Result<> forget_future_listings(std::int64_t now_ns);
  // A pin goes with its entry. Durable. Errc::not_found.
  Result<> pin(EntryId id);
  Result<> unpin(EntryId id);
  [[nodiscard]] Result<std::vector<EntryId>> pins() const;
  // Of all that is pinned or below what is. As long as that is many.
  [[nodiscard]] Result<std::uint64_t> pinned_bytes() const;
  // The size that was settled when the cache was first used; nothing before.
  [[nodiscard]] Result<std::optional<std::uint64_t>> cache_size() const;
  Result<> set_cache_size(std::uint64_t bytes);

  // --- in place; see placement.h ---
  // Moves whenever anything that is shown of the names in `directory` does.
  [[nodiscard]] Result<std::uint64_t> revision(EntryId directory) const;
  // All names of `directory` stand as they were at that revision. Nothing
  // happens when it has moved meanwhile.
  Result<> set_placed(EntryId directory, std::uint64_t revision);
  Result<> set_unplaced(EntryId directory);
  [[nodiscard]] Result<bool> is_placed(EntryId directory) const;
  // No directory counts as placed any more; after a power loss open() does it.
  Result<> forget_placed();
  // Of the children of a directory, in order of id: files that were complete at
  // the last commit, with the tag of that data file, and directories that are
  // placed.
  struct ChildState {
    EntryId id = 0;
    std::uint64_t tag = 0;
  };
  [[nodiscard]] Result<std::vector<ChildState>> complete_files(EntryId directory) const;
  [[nodiscard]] Result<std::vector<EntryId>> placed_directories(EntryId directory) const;
  // The time of last modification that users see.
  [[nodiscard]] Result<std::int64_t> shown_mtime_ns(const Entry& entry) const;

  // --- the cache as a whole ---
  [[nodiscard]] Result<std::string> origin_url() const;  // empty when never set
  Result<> set_origin_url(std::string_view url);
  // Moves whenever the system may have lost what was not synced. Bits of a
  // record with an older epoch are believed only after their checksum.
  [[nodiscard]] std::uint64_t epoch() const;
  [[nodiscard]] bool began_epoch() const;  // this very open() did
  // Copies the log into the database without holding up readers or writers.
  // Nobody else does it while the catalog is open, up to a generous limit.
  Result<> checkpoint();
  // At a clean stop, after everything was synced.
  Result<> mark_clean();

  struct Impl;

 private:
  explicit Catalog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// "3.40.1": for --version.
[[nodiscard]] std::string sqlite_version_text();

}  // namespace lazymirror
