// SPDX-License-Identifier: Apache-2.0
//
// The jobs of an engine: starts them, lets them tell how far they are, ends them.
//
// Threads: safe from any thread.
#pragma once

#include <map>
#include <memory>

#include "engine/job.h"

namespace lazymirror {

class EngineJobs final : public Jobs {
 public:
  static constexpr Duration kTick{250};

  EngineJobs(const Parts& parts, Tree& tree, DirectoryLoader& loader, Prober& prober, Files& files,
             Populator* populator, InPlace* in_place)
      : sizes_(parts, prober), tools_{parts,     tree,     loader, prober,    files,
                                      populator, in_place, sizes_, given_up_, thread_} {}

  JobId start(JobRequest request, std::shared_ptr<JobObserver> observer) override;
  void cancel(JobId id) override;
  [[nodiscard]] std::vector<Running> running() const override;

  // Every job has ended and none is begun any more when it returns.
  void stop();

 private:
  using JobPtr = std::shared_ptr<Job>;
  struct Known {
    JobId next = 1;
    bool stopped = false;
    std::map<JobId, JobPtr> jobs = {};
  };
  [[nodiscard]] JobPtr make(JobRequest request, std::shared_ptr<JobObserver> observer) const;
  void arm(JobId id, std::weak_ptr<Job> job);
  void forget(JobId id);

  JobThread thread_;
  SizeSurvey sizes_;
  GivenUpFiles given_up_;
  const JobTools tools_;
  Guarded<Known> known_;
};

}  // namespace lazymirror
