// SPDX-License-Identifier: Apache-2.0
#include "engine/engine_jobs.h"

#include <utility>

#include "engine/fetch_job.h"
#include "engine/verify_job.h"

namespace lazymirror {

std::string_view job_name(JobKind kind) {
  switch (kind) {
    case JobKind::fetch: return "fetch";
    case JobKind::metadata: return "metadata";
    case JobKind::refresh: return "refresh";
    case JobKind::verify: return "verify";
    case JobKind::pin: break;
  }
  return "pin";
}

std::string_view finding_name(JobFinding::Kind kind) {
  switch (kind) {
    case JobFinding::Kind::failed: return "failed";
    case JobFinding::Kind::damaged: return "damaged";
    case JobFinding::Kind::mismatch: return "mismatch";
    case JobFinding::Kind::conflict: return "conflict";
    case JobFinding::Kind::changed: return "changed";
    case JobFinding::Kind::gone: break;
  }
  return "gone";
}

std::string_view phase_name(JobProgress::Phase phase) {
  switch (phase) {
    case JobProgress::Phase::listing: return "listing";
    case JobProgress::Phase::fetching: return "fetching";
    case JobProgress::Phase::checking: break;
  }
  return "checking";
}

EngineJobs::JobPtr EngineJobs::make(JobRequest request,
                                    std::shared_ptr<JobObserver> observer) const {
  if (request.kind == JobKind::verify) {
    return std::make_shared<VerifyJob>(tools_, std::move(request), std::move(observer));
  }
  return std::make_shared<FetchJob>(tools_, std::move(request), std::move(observer));
}

JobId EngineJobs::start(JobRequest request, std::shared_ptr<JobObserver> observer) {
  const JobPtr job = make(std::move(request), observer);
  const JobId id = known_.with([&](Known& known) {
    if (known.stopped) return JobId{0};
    known.jobs.emplace(known.next, job);
    return known.next++;
  });
  if (id == 0) {
    observer->on_end(fail(Errc::cancelled, "the daemon is stopping"), {});
    return known_.with([](Known& known) { return known.next++; });
  }
  thread_.run([job] { job->begin(); });
  arm(id, job);
  return id;
}

void EngineJobs::arm(JobId id, std::weak_ptr<Job> job) {
  tools_.parts.timers.run_after(kTick, [this, id, job = std::move(job)] {
    thread_.run([this, id, job] {
      const auto strong = job.lock();
      if (strong) strong->tick();
      if (!strong || strong->ended()) return forget(id);
      arm(id, job);
    });
  });
}

void EngineJobs::forget(JobId id) {
  known_.with([&](Known& known) { return known.jobs.extract(id); });  // dies after the lock
}

void EngineJobs::cancel(JobId id) {
  const JobPtr job = known_.with([&](Known& known) {
    const auto found = known.jobs.find(id);
    return found == known.jobs.end() ? nullptr : found->second;
  });
  if (job) thread_.run([job] { job->cancel(); });
}

std::vector<Jobs::Running> EngineJobs::running() const {
  return known_.with([](const Known& known) {
    std::vector<Running> jobs;
    for (const auto& [id, job] : known.jobs) {
      if (!job->ended()) jobs.push_back({id, job->request(), job->progress()});
    }
    return jobs;
  });
}

void EngineJobs::stop() {
  const auto jobs = known_.with([](Known& known) {
    known.stopped = true;
    return known.jobs;
  });
  thread_.stop();
  for (const auto& [id, job] : jobs) job->cancel();
}

}  // namespace lazymirror
