// SPDX-License-Identifier: Apache-2.0
//
// The cache on disk (docs/architecture.md, "The cache on disk"):
//   DIR/data/...          the tree under its natural names
//   DIR/meta/catalog.db   the catalog
//   DIR/lock              one daemon per cache
//   DIR/CACHEDIR.TAG      backups skip it
//
// Threads: safe from any thread. Owns the lock, the catalog, the data files and
// one thread ("lm-commit") that makes chunk bits durable in batches.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "cache/cached_file.h"
#include "cache/catalog.h"
#include "cache/placement.h"

namespace lazymirror {

struct CacheOptions {
  std::string directory;
  std::string url;  // the origin this cache belongs to, without user information
  Duration commit_interval{1'000};
  std::size_t open_files = 1'000;  // data files kept open while nobody uses them
  std::string boot_id;             // empty: the system's
  bool in_place = false;           // the data tree is what users see: see placement.h
  mode_t file_mode = 0444;         // of data files in place
  // In place: reopens a data file, open for reading, so that writes move none
  // of its times. Null, or where it fails: times are restored after each write.
  std::function<Result<UniqueFd>(int file)> open_quietly = nullptr;
  // DIR/lock, taken already by a process that outlives this one. Null: open()
  // takes it.
  std::shared_ptr<const UniqueFd> lock = nullptr;
};

// Makes the cache directory if need be and takes its lock. Errors as of
// Cache::open().
[[nodiscard]] Result<UniqueFd> lock_cache(const std::string& directory);

class Cache {
 public:
  // Creates what is missing. A damaged catalog is moved aside (a notice says
  // so), the data files that it knew are removed, and everything is fetched
  // anew. Starts a thread: fork before, not
  // after. Errors are sentences for the user:
  // Errc::busy names the holder of the lock, Errc::invalid the URL that the
  // cache belongs to, Errc::unsupported a file system without user xattrs,
  // Errc::denied a directory that cannot be written, Errc::unsupported also a
  // catalog of a newer program.
  [[nodiscard]] static Result<std::unique_ptr<Cache>> open(CacheOptions options,
                                                           const Clock& clock);
  // Stops the commit thread after a last commit; marks a clean stop.
  virtual ~Cache() = default;

  [[nodiscard]] virtual const Catalog& catalog() const = 0;

  // As the catalog's functions of the same name; also removes the data of
  // entries that are gone and retires the file objects of old generations.
  virtual Result<ListingDiff> store_listing(EntryId directory, std::span<const ListedEntry> entries,
                                            std::int64_t fresh_until_ns,
                                            const ListingValidator& validator = {}) = 0;
  virtual Result<> set_fresh_until(EntryId directory, std::int64_t fresh_until_ns) = 0;
  virtual Result<Entry> record_file(EntryId id, const Version& seen) = 0;
  virtual Result<Entry> supersede(EntryId id, std::uint64_t generation, const Version& seen) = 0;
  virtual Result<Entry> record_directory(EntryId id) = 0;

  // The current generation of a file whose size is known. The same object for
  // the same generation while anybody holds it. Errc::busy while the size is
  // unknown, Errc::is_a_directory, Errc::not_found, Errc::unsupported for a
  // file that is too large. Needs no data file and no disk for a cold one.
  [[nodiscard]] virtual Result<std::shared_ptr<CachedFile>> file(EntryId id) = 0;

  // --- what is stored, and what may go ---

  // What the data files hold, recorded or not. No system call.
  [[nodiscard]] virtual std::uint64_t stored_bytes() const = 0;
  // Whether any file is being filled, and so is not to be evicted for a moment.
  [[nodiscard]] virtual bool is_written_to() const = 0;
  // The last uses that were noted (CachedFile::note_use) go into the catalog, in
  // small transactions.
  virtual Result<> record_uses() = 0;
  virtual Result<> record_uses(std::span<const Catalog::Use> uses) = 0;
  // Gives the bytes of a file back. Errc::busy while it is being filled.
  // In place a placeholder takes its place, under a write lease (fcntl(2)) on the
  // old file, so that nobody has it open or mapped: Errc::busy at once when
  // somebody does, and nothing is changed then. Else whoever reads it meanwhile
  // gets Errc::busy and fills it again; the observer is not asked.
  virtual Result<> evict(EntryId id, ObserverPtr observer) = 0;
  // The same for so many bytes at its end, at least; how much it was. 0: it can go
  // as a whole only. Errc::busy also while the kernel reads from it.
  virtual Result<std::uint64_t> evict_tail(EntryId id, std::uint64_t bytes,
                                           ObserverPtr observer) = 0;
  // Not in place: as evict(), and a new generation begins. A nameless file goes so:
  // what the kernel keeps of it and what is fetched next may be two versions.
  virtual Result<> renew(EntryId id) = 0;
  // As the catalog's functions.
  virtual Result<> pin(EntryId id) = 0;
  virtual Result<> unpin(EntryId id) = 0;
  virtual Result<> set_cache_size(std::uint64_t bytes) = 0;

  // --- in place only; see placement.h. Local disk work, so not for the threads
  // of the network. ---

  // Makes data/DIRECTORY agree with the catalog: names that are missing are
  // made, those of an older generation replaced by a rename (who has the old
  // one open keeps it), names that are gone removed. The times of what stands
  // are the origin's. Calls for the same directory follow each other. The
  // observer is from now on also told of placeholders that other calls make.
  // Errc::busy before the first listing.
  virtual Result<Placement> place(EntryId directory, ObserverPtr observer) = 0;
  [[nodiscard]] virtual Result<bool> is_placed(EntryId directory) = 0;
  // By the stamp that the open file or directory carries, the inode it was made
  // for, and the catalog. Nothing: it is not of this cache (a copy of one of
  // its files is not). Errc::io when it cannot be looked at.
  [[nodiscard]] virtual Result<std::optional<Identity>> identify(int fd) = 0;
  // The file or directory as it stands in the data tree, never through a link.
  [[nodiscard]] virtual Result<UniqueFd> open_in_place(EntryId id, int flags) = 0;
  // "a/b", from below data/; empty for the root.
  [[nodiscard]] virtual Result<std::string> path_in_place(EntryId id) = 0;
  // Where placeholders are sparse: blocks for all of a file that somebody is
  // about to open, so that tools which look at st_blocks find no holes in it;
  // else nothing. Errc::no_space. Those who call it call release() later.
  virtual Result<> reserve(EntryId id) = 0;
  // Gives back what was reserved and not filled. Errc::busy: somebody has the
  // file open, or fills it; try again.
  virtual Result<> release(EntryId id, ObserverPtr observer) = 0;
  // What may be reserved, by this run or an earlier one.
  [[nodiscard]] virtual std::vector<EntryId> reserved() = 0;
  // How many bytes of them are not there. Looks at the disk.
  [[nodiscard]] virtual std::uint64_t reserved_bytes();
  // Whether placeholders are reflinked poison (else sparse).
  [[nodiscard]] virtual bool can_poison() const = 0;

  // Everything that was stored before the call is durable after it.
  virtual Result<> flush() = 0;

  // Warnings of the start: unsafe mount options, recovery after a power loss.
  [[nodiscard]] virtual const std::vector<std::string>& notices() const = 0;
  [[nodiscard]] virtual int data_fd() const = 0;  // of DIR/data; for statfs
};

}  // namespace lazymirror
