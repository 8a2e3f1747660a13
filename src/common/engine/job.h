// SPDX-License-Identifier: Apache-2.0
//
// What all jobs have in common: finding what they are about, telling how far
// they are, and their end.
//
// Threads: begin(), cancel(), tick() and all that is protected are of the job
// thread; progress(), request() and ended() are for any.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/guarded.h"
#include "engine/directory_loader.h"
#include "engine/files.h"
#include "engine/in_place.h"
#include "engine/job_thread.h"
#include "engine/jobs.h"
#include "engine/parts.h"
#include "engine/populator.h"
#include "engine/prober.h"
#include "engine/size_survey.h"
#include "engine/tree.h"
#include "fetch/rate_meter.h"

namespace lazymirror {

// What verify remembers from one job to the next: files that were given up,
// because they do not match what is published, and what they were. Who is the
// same once more was fetched again in vain. Of the job thread.
struct GivenUp {
  std::uint64_t generation = 0;
  std::string published, found;  // checksums
  bool operator==(const GivenUp&) const = default;
};
using GivenUpFiles = std::unordered_map<EntryId, GivenUp>;

struct JobTools {
  const Parts& parts;
  Tree& tree;
  DirectoryLoader& loader;
  Prober& prober;
  Files& files;
  Populator* populator;  // in place only, as is the next
  InPlace* in_place;
  SizeSurvey& sizes;
  GivenUpFiles& given_up;
  JobThread& thread;
};

class Job : public std::enable_shared_from_this<Job> {
 public:
  Job(const JobTools& tools, JobRequest request, std::shared_ptr<JobObserver> observer)
      : tools_(tools), request_(std::move(request)), observer_(std::move(observer)) {}
  virtual ~Job() = default;

  void begin() { find_next(); }
  void cancel() { end(fail(Errc::cancelled, "the job was cancelled")); }
  void tick();
  [[nodiscard]] bool ended() const { return ended_; }

  [[nodiscard]] const JobRequest& request() const { return request_; }
  [[nodiscard]] JobProgress progress() const {
    return shown_.with([](const JobProgress& p) { return p; });
  }

 protected:
  // What the job is about: entries that exist.
  virtual void work(const std::vector<Entry>& roots) = 0;
  // Ends what is under way; its last words may still come.
  virtual void withdraw() = 0;
  // Brings progress_ up to date, but for rate and time.
  virtual void count() {}
  // Nobody is asked any more. Called again and again.
  virtual void went_offline() {}

  // `member` with what a completion brought, on the job thread, unless the job
  // has ended by then.
  template <typename T = void, typename F>
  Completion<T> then(F&& member) {
    return [self = shared_from_this(), member = std::forward<F>(member)](Result<T> result) mutable {
      JobThread& thread = self->tools_.thread;
      thread.run([self = std::move(self), member = std::move(member),
                  result = std::move(result)]() mutable {
        if (!self->ended_) member(std::move(result));
      });
    };
  }
  void later(UniqueFunction<void()> step);  // on the job thread, after what waits there

  // Nobody waits so long: a request that has begun ends by --timeout.
  [[nodiscard]] RequestContext context() const;
  [[nodiscard]] const Catalog& catalog() const { return tools_.parts.cache.catalog(); }
  [[nodiscard]] std::string path_of(EntryId id) const;
  void report(JobFinding::Kind kind, const std::string& path, const Error& error);
  // A failure of the network may be one of many: when the origin has been away
  // for long enough, or nobody can be reached at all, the job ends.
  void report_failure(const std::string& path, const Error& error);
  void note_success() { failures_in_a_row_ = 0; }
  void end(const Result<>& result);
  [[nodiscard]] bool is_offline() const { return tools_.parts.uplink.is_offline(); }

  const JobTools tools_;
  const JobRequest request_;
  JobProgress progress_;

 private:
  static constexpr unsigned kGiveUpAfter = 20;
  static constexpr Duration kPatience = std::chrono::hours(24 * 365);

  void find_next();
  void step_into(EntryId directory, const std::string& rest);
  void look_up(EntryId directory, const std::string& rest);
  void found(const Attributes& attributes, const std::string& rest);
  void not_found(const Error& error);
  void show();

  const std::shared_ptr<JobObserver> observer_;
  std::size_t next_path_ = 0;
  std::vector<Entry> roots_;
  RateMeter meter_;
  unsigned failures_in_a_row_ = 0;
  std::atomic<bool> ended_{false};
  Guarded<JobProgress> shown_;
};

// Whether the network, and not the origin's word, is the reason.
[[nodiscard]] bool is_outage(Errc code);

}  // namespace lazymirror
