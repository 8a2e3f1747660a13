// SPDX-License-Identifier: Apache-2.0
//
// Work on whole parts of the tree that somebody has asked for and watches:
// fetching, refreshing, verifying. A job goes through the tree directory by
// directory and holds little of it in memory (fetch/crawl_order.h). What it asks
// of the origin stands behind everything that readers want and behind all that
// is fetched ahead of them. What it brought is in the cache, so a job that was
// broken off is resumed by starting it again.
//
// Threads: safe from any thread. Jobs run on a thread of their own
// ("lm-jobs"), one step after the other; observers are called there, no lock
// held, and must not block. Nothing survives the engine.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace lazymirror {

enum class JobKind {
  fetch,     // listings, sizes and all bytes
  metadata,  // listings and sizes
  refresh,   // listings that are known are asked for again, however fresh
  verify,    // what is cached is compared with the origin and with its checksums
  pin,       // as fetch, and what is brought stays (Storage::pin())
};
[[nodiscard]] std::string_view job_name(JobKind kind);  // "fetch"

struct JobRequest {
  JobKind kind = JobKind::fetch;
  std::vector<std::string> paths;  // "a/b" below the root; "" is the root
  bool recursive = false;          // below directories; else only what is in them
};

// What is said of one file or directory: that it could not be had, or what was
// found wrong with it.
struct JobFinding {
  enum class Kind {
    failed,    // could not be fetched, listed or looked at; the job goes on
    damaged,   // bytes in the cache are not those that were stored: given up
    mismatch,  // bytes are not those of the published checksum: given up
    conflict,  // the same, but the origin has sent them twice: kept
    changed,   // the origin has another version
    gone,      // the origin has it no more
  };
  Kind kind = Kind::failed;
  std::string path;
  Error error;  // what is to be said
};
[[nodiscard]] std::string_view finding_name(JobFinding::Kind kind);  // "failed"

struct JobProgress {
  enum class Phase { listing, fetching, checking };
  Phase phase = Phase::listing;
  std::uint64_t directories = 0;       // listed
  std::uint64_t files = 0, bytes = 0;  // that the job is about, as far as is known
  std::uint64_t files_done = 0, bytes_done = 0;
  std::uint64_t bytes_present = 0;  // of bytes_done: were here before the job
  std::uint64_t failed = 0;         // findings of that kind
  std::uint64_t found = 0;          // findings of other kinds
  std::uint64_t compared = 0;       // files compared with a published checksum
  std::uint64_t per_second = 0;     // bytes; entries while listing
  std::optional<Duration> left;     // until it is done, where that can be said
};
[[nodiscard]] std::string_view phase_name(JobProgress::Phase phase);  // "listing"

class JobObserver {
 public:
  virtual ~JobObserver() = default;
  virtual void on_progress(const JobProgress& progress) = 0;  // four times a second
  virtual void on_finding(const JobFinding& finding) = 0;
  // Once, last. Success also with findings. An error: the job could not go on
  // (no space, offline, origin away for good); Errc::cancelled.
  virtual void on_end(const Result<>& result, const JobProgress& progress) = 0;
};

using JobId = std::uint64_t;  // never 0, never reused

class Jobs {
 public:
  virtual ~Jobs() = default;

  virtual JobId start(JobRequest request, std::shared_ptr<JobObserver> observer) = 0;
  // The job ends soon, with Errc::cancelled; what is under way is withdrawn. No
  // effect on one that has ended.
  virtual void cancel(JobId id) = 0;

  struct Running {
    JobId id = 0;
    JobRequest request;
    JobProgress progress;
  };
  [[nodiscard]] virtual std::vector<Running> running() const = 0;
};

}  // namespace lazymirror
