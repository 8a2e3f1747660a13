// SPDX-License-Identifier: Apache-2.0
#include "cli/job_handlers.h"

#include <condition_variable>
#include <mutex>
#include <optional>

#include "cli/job_message.h"

namespace lazymirror::cli {
namespace {

using control::Asker;
using control::Message;

// Tells the asker what the job tells, and the handler when there is something
// to do for it.
class Teller final : public JobObserver {
 public:
  struct End {
    Result<> result;
    JobProgress progress;
  };

  explicit Teller(Asker& asker) : asker_(&asker) {}

  void on_progress(const JobProgress& progress) override { tell(progress_message(progress)); }
  void on_finding(const JobFinding& finding) override { tell(finding_message(finding)); }
  void on_end(const Result<>& result, const JobProgress& progress) override {
    const std::lock_guard lock(mutex_);
    end_ = End{result, progress};
    changed_.notify_all();
  }

  void asker_has_gone() {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    changed_.notify_all();
  }

  // False: the asker has gone, and it has not ended yet.
  [[nodiscard]] bool wait_for_end_or_leave() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return end_ || gone_; });
    return end_.has_value();
  }
  [[nodiscard]] End wait_for_end() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return end_.has_value(); });
    return *end_;
  }

 private:
  void tell(const Message& what) {
    if (!asker_->tell(what)) asker_has_gone();
  }

  Asker* const asker_;  // not used after on_end(), for which the handler waits
  std::mutex mutex_;
  std::condition_variable changed_;
  bool gone_ = false;
  std::optional<End> end_;
};

Result<Message> run_job(Jobs& jobs, const Message& request, Asker& asker) {
  auto job = job_of(request);
  if (!job) return fail(job.error());
  const auto teller = std::make_shared<Teller>(asker);
  const auto hold = asker.when_gone([teller] { teller->asker_has_gone(); });
  const JobId id = jobs.start(std::move(*job), teller);
  if (!teller->wait_for_end_or_leave()) jobs.cancel(id);
  const auto end = teller->wait_for_end();
  if (!end.result) return fail(end.result.error());
  Message out = progress_message(end.progress);
  out.emplace("ok", true);
  return out;
}

}  // namespace

void add_job_handlers(Jobs& jobs, control::Handlers& handlers) {
  for (const JobKind kind : {JobKind::fetch, JobKind::refresh, JobKind::verify, JobKind::pin}) {
    handlers.emplace(std::string(job_name(kind)), [&jobs](const Message& request, Asker& asker) {
      return run_job(jobs, request, asker);
    });
  }
}

}  // namespace lazymirror::cli
