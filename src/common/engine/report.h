// SPDX-License-Identifier: Apache-2.0
//
// What the engine tells of itself, for `status` and for metrics. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cache/entry.h"
#include "engine/jobs.h"
#include "engine/storage.h"

namespace lazymirror {

struct RequestCounts {
  std::uint64_t started = 0, succeeded = 0, failed = 0, cancelled = 0;
};

// A range of a file on its way.
struct TransferReport {
  std::string path;  // below the root, as the URL has it
  std::uint64_t begin = 0, end = 0;
  std::uint64_t received = 0;    // bytes
  std::uint64_t per_second = 0;  // on average, since it began
  Duration elapsed{0};
};

struct PastError {
  std::int64_t wall_ns = 0;
  std::string sentence;
};

struct OriginReport {
  bool offline = false;                     // nobody is asked (Engine::set_offline())
  unsigned consecutive_failures = 0;        // requests without an answer since the last answer
  bool http2 = false;                       // seen in use
  std::optional<std::int64_t> answered_ns;  // wall time of the last answer
  RequestCounts listings, probes, reads;    // since the start
  std::uint64_t bytes_received = 0;         // of files
  unsigned running = 0, waiting = 0;        // requests, now
  std::vector<TransferReport> transfers;    // the oldest first; not more than some
  std::vector<PastError> errors;            // the latest first; not more than some
};

struct EngineReport {
  OriginReport origin;
  std::uint64_t entries = 0;                 // names that are known
  std::uint64_t files = 0, files_bytes = 0;  // of them: files whose size is known
  StorageUsage storage;
  std::uint64_t hits = 0, misses = 0;  // reads that found their bytes here, or did not
  std::vector<Jobs::Running> jobs;
};

// One name and its state in the cache.
struct NameStatus {
  std::string name;
  EntryId id = 0;
  EntryKind kind = EntryKind::unknown;
  std::string state;                  // as in FileStatus
  std::optional<std::uint64_t> size;  // of a file; nothing while unknown
  std::uint64_t cached_bytes = 0;
  bool stale = false;   // its listing has expired
  bool pinned = false;  // itself, or what it lies in
};

struct EntryReport {
  NameStatus status;
  std::string url;  // without user information
  std::int64_t mtime_ns = 0;
  std::string etag;  // empty if none
  std::optional<std::int64_t> last_modified;
  std::uint64_t generation = 0;
  std::uint64_t chunks = 0, chunk_size = 0;
  std::optional<std::int64_t> listed_ns, fresh_until_ns;  // of a directory, or of that of a file
};

}  // namespace lazymirror
