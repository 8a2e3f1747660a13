// SPDX-License-Identifier: Apache-2.0
//
// The waist: everything a front end may ask. FUSE and fanotify are thin
// translators to these calls and hold no state about the origin or the cache.
//
// Threads: safe from any thread. No call blocks on the network: what is known
// is answered before the call returns, the rest by its completion, at the
// latest at the context's deadline (Errc::timeout). Completions come on
// engine threads, hold no lock, and must be short.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_range.h"
#include "base/clock.h"
#include "base/crew.h"
#include "base/request_context.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "base/unique_function.h"
#include "base/url.h"
#include "cache/cache.h"
#include "cache/entry.h"
#include "engine/in_place.h"
#include "engine/jobs.h"
#include "engine/report.h"
#include "engine/storage.h"
#include "fetch/fill_scheduler.h"
#include "http/origin.h"

namespace lazymirror {

struct Attributes {
  EntryId id = 0;
  std::uint64_t generation = 0;
  EntryKind kind = EntryKind::file;  // never unknown
  std::uint64_t size = 0;            // of a file
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  bool complete = false;  // a file whose every chunk is present
};

// A listing at one moment, in a stable order. Positions survive refreshes: an
// entry that stays is seen exactly once by a reader who continues after a
// position.
struct DirectoryView {
  struct Item {
    std::string name;
    EntryKind kind;                        // unknown where the origin did not say
    EntryId id;                            // ascending; also the position
    std::optional<Attributes> attributes;  // nothing while the size is unknown
  };
  EntryId id = 0;
  EntryId parent = 0;
  std::int64_t mtime_ns = 0;
  std::vector<Item> items;
};

// An open file: one generation, whatever the origin does meanwhile.
class File {
 public:
  virtual ~File() = default;
  [[nodiscard]] virtual EntryId id() const = 0;
  [[nodiscard]] virtual std::uint64_t generation() const = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  [[nodiscard]] virtual bool is_present(ByteRange range) = 0;
  [[nodiscard]] virtual bool is_complete() = 0;
  // As CachedFile: Errc::busy means fill first.
  [[nodiscard]] virtual Result<std::size_t> read(std::span<std::byte> out, std::uint64_t offset,
                                                 bool drop_behind) = 0;
  [[nodiscard]] virtual Result<UniqueFd> backing_fd() = 0;
  // The file counts as open, and is not evicted, while what it returns lives.
  // For front ends that learn of opens.
  [[nodiscard]] virtual std::shared_ptr<void> hold_open() { return nullptr; }
};

struct FileStatus {   // what the xattrs show
  std::string state;  // "remote", "partial", "cached"; "directory"
  std::uint64_t cached_bytes = 0;
  std::string url;   // without user information
  std::string etag;  // empty if none
};

// Told of changes that a front end may have handed to the kernel's caches.
// Called on engine threads, no lock held; must not block nor call back.
class ChangeListener {
 public:
  virtual ~ChangeListener() = default;
  virtual void entry_changed(EntryId directory, const std::string& name,
                             EntryId id) = 0;             // new generation, or gone
  virtual void directory_changed(EntryId directory) = 0;  // names were added or removed
  virtual void file_completed(EntryId directory, const std::string& name, EntryId id) = 0;
  // A file that may have been complete has given its bytes back. The bytes that
  // users see of it stay the same.
  virtual void file_evicted(EntryId /*directory*/, const std::string& /*name*/, EntryId /*id*/) {}
  // A listing has come that nobody asked for: somebody will soon, probably.
  virtual void listed_ahead(EntryId directory) = 0;
};

struct EngineOptions {
  Url url;
  Duration ttl{300'000};  // of a listing
  // That a listing does not show a name is believed for less long than what it shows.
  Duration negative_ttl{30'000};
  bool strict_ttl = false;     // wait for what has expired, rather than serve it meanwhile
  bool offline = false;        // at the start, see Engine::set_offline()
  Duration retry_ttl{10'000};  // after a refresh that failed, and of negative probes
  Duration timeout{60'000};    // of background work; waiters bring their own deadline
  unsigned probe_ahead = 64;   // sizes asked for beyond the one that is needed
  bool look_ahead = true;      // fetch listings before they are asked for
  StorageOptions storage = {};
};

struct EngineUsage {
  std::uint64_t entries = 0;
  // As df(1) shows them: what the cache may hold and what of that is left, as far
  // as its file system has it.
  std::uint64_t bytes_total = 0, bytes_free = 0, bytes_available = 0;
};

class Engine {
 public:
  // Takes over origin and cache. Starts its threads: fork before, not after.
  [[nodiscard]] static Result<std::unique_ptr<Engine>> start(EngineOptions options,
                                                             std::unique_ptr<Origin> origin,
                                                             std::unique_ptr<Cache> cache,
                                                             const Clock& clock);
  // Completes all waiters with Errc::cancelled, makes everything durable.
  virtual ~Engine() = default;

  // Must be set before the first request; must outlive the engine's threads
  // (call with nullptr before it dies).
  virtual void set_listener(ChangeListener* listener) = 0;

  // Asks the origin for the root's listing once. Errc of the failure when
  // nothing is cached either; success with `stale` set when the origin cannot
  // be reached but the cache has a listing to serve.
  struct StartCheck {
    bool stale = false;
    std::string reason;  // why, when stale
  };
  virtual Result<StartCheck> check_root(Duration timeout) = 0;  // blocks

  // Asks the origin anew, however fresh what is known is, past the caches on the way:
  // for a directory's listing, or the size and version of a file. What has changed
  // is told to the ChangeListener.
  virtual void refresh(EntryId id, RequestContext context, Completion<> done) = 0;

  // While offline nobody is asked: what is known is served, however old, and
  // what is missing fails at once with Errc::unreachable.
  virtual void set_offline(bool offline) = 0;
  [[nodiscard]] virtual bool offline() const = 0;
  // As Origin::set_proxy().
  virtual Result<> set_proxy(const std::string& list) = 0;
  // As Origin::set_bandwidth_limit().
  virtual void set_bandwidth_limit(std::uint64_t bytes_per_second) = 0;
  // As of EngineOptions. What was listed before keeps its time.
  virtual void set_ttls(Duration ttl, Duration negative_ttl) = 0;
  // The size of the cache, and what is to stay free beside it.
  virtual void set_limits(const StorageOptions& limits) = 0;

  virtual void lookup(EntryId directory, std::string_view name, RequestContext context,
                      Completion<Attributes> done) = 0;
  virtual void attributes(EntryId id, RequestContext context, Completion<Attributes> done) = 0;
  virtual void list(EntryId directory, RequestContext context,
                    Completion<std::shared_ptr<const DirectoryView>> done) = 0;

  // "a/b" below the root, as the catalog knows it; "" is the root. Local only;
  // Errc::not_found.
  [[nodiscard]] virtual Result<EntryId> find(std::string_view path) = 0;

  // The current generation. Local only: Errc::busy when the size is still
  // unknown (ask for the attributes first), Errc::is_a_directory.
  virtual Result<std::shared_ptr<File>> open(EntryId id) = 0;

  // Makes `range` (cut to the size) present. Also notes the access: sequential
  // reading fetches ahead.
  virtual WaiterId fill(const std::shared_ptr<File>& file, ByteRange range, RequestContext context,
                        Completion<> done) = 0;
  virtual void cancel(WaiterId id) = 0;
  // Nobody has the file open any more: what is fetched ahead of its readers
  // ends. A hint, for front ends that know.
  virtual void abandon(const std::shared_ptr<File>& file) = 0;

  // The bytes of a range of at most 1 MiB straight from the origin, stored
  // nowhere: what is left to do when fill() ends in Errc::no_space.
  virtual void read_uncached(const std::shared_ptr<File>& file, ByteRange range,
                             RequestContext context, Completion<std::vector<std::byte>> done) = 0;

  [[nodiscard]] virtual Storage& storage() = 0;

  // Nothing unless the cache was opened with in_place.
  [[nodiscard]] virtual InPlace* in_place() = 0;

  // All threads that requests depend on, for whoever watches whether they are
  // alive. REQUIRES: not used after the engine.
  [[nodiscard]] virtual std::vector<Lane> lanes() { return {}; }
  [[nodiscard]] virtual Jobs& jobs() = 0;

  virtual Result<FileStatus> status(EntryId id) = 0;
  virtual Result<EngineUsage> usage() = 0;  // local only

  // For people and for metrics. Local only.
  [[nodiscard]] virtual EngineReport report() = 0;
  [[nodiscard]] virtual Result<EntryReport> describe(EntryId id) = 0;
  // All names of a directory that are known, in a stable order.
  // Errc::unreachable when it was never listed, Errc::not_a_directory.
  [[nodiscard]] virtual Result<std::vector<NameStatus>> names(EntryId directory) = 0;
};

}  // namespace lazymirror
