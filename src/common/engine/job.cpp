// SPDX-License-Identifier: Apache-2.0
#include "engine/job.h"

#include <algorithm>
#include <utility>

namespace lazymirror {

bool is_outage(Errc code) { return code == Errc::unreachable || code == Errc::timeout; }

RequestContext Job::context() const {
  return {Priority::bulk, tools_.parts.clock.now() + kPatience};
}

void Job::later(UniqueFunction<void()> step) {
  tools_.thread.run([self = shared_from_this(), step = std::move(step)]() mutable {
    if (!self->ended_) step();
  });
}

// --- what it is about ---

// A path that cannot be found is a failure like any other: the job goes on with
// the next.
void Job::find_next() {
  if (next_path_ == request_.paths.size()) {
    if (roots_.empty()) return end({});
    return work(std::exchange(roots_, {}));
  }
  step_into(kRootId, request_.paths[next_path_]);
}

void Job::step_into(EntryId directory, const std::string& rest) {
  if (rest.empty()) {
    const auto entry = catalog().get(directory);
    if (!entry) return not_found(entry.error());
    roots_.push_back(*entry);
    ++next_path_;
    return later([this] { find_next(); });
  }
  if (tools_.populator == nullptr) return look_up(directory, rest);
  // In place its names have to stand before one of them can be filled.
  tools_.populator->populate(directory, context(),
                             then<Populator::PlacementPtr>([this, directory, rest](const auto&) {
                               look_up(directory, rest);
                             }));
}

void Job::look_up(EntryId directory, const std::string& rest) {
  const auto slash = std::min(rest.find('/'), rest.size());
  const std::string below = rest.substr(std::min(slash + 1, rest.size()));
  tools_.tree.lookup(directory, rest.substr(0, slash), context(),
                     then<Attributes>([this, below](const auto& attributes) {
                       if (!attributes) return not_found(attributes.error());
                       found(*attributes, below);
                     }));
}

void Job::found(const Attributes& attributes, const std::string& rest) {
  if (!rest.empty() && attributes.kind != EntryKind::directory) {
    return not_found({Errc::not_a_directory, path_of(attributes.id) + " is not a directory", 0});
  }
  step_into(attributes.id, rest);
}

void Job::not_found(const Error& error) {
  const std::string path = request_.paths[next_path_++];
  report_failure(path, error);
  later([this] { find_next(); });
}

std::string Job::path_of(EntryId id) const {
  std::string path;
  const auto names = catalog().lineage(id);
  if (!names) return path;
  for (const Entry& entry : *names) path += (path.empty() ? "" : "/") + entry.name;
  return path;
}

// --- how far it is ---

void Job::report(JobFinding::Kind kind, const std::string& path, const Error& error) {
  ++(kind == JobFinding::Kind::failed ? progress_.failed : progress_.found);
  observer_->on_finding({kind, path, error});
}

void Job::report_failure(const std::string& path, const Error& error) {
  report(JobFinding::Kind::failed, path, error);
  if (!is_outage(error.code)) return note_success();
  if (is_offline()) return;  // that is no sign of a fault
  // Each of them has waited for as long as a request may.
  if (++failures_in_a_row_ >= kGiveUpAfter || tools_.parts.uplink.is_away()) {
    end(fail(error.code, "the origin cannot be reached, giving up: " + error.message));
  }
}

void Job::tick() {
  if (!ended_ && is_offline()) went_offline();
  if (ended_) return;
  show();
  observer_->on_progress(progress_);
}

void Job::show() {
  using Phase = JobProgress::Phase;
  const Phase before = shown_.with([](const JobProgress& p) { return p.phase; });
  if (before != progress_.phase) meter_ = RateMeter();
  count();
  const bool listing = progress_.phase == Phase::listing;
  meter_.note(tools_.parts.clock.now(), listing ? progress_.files + progress_.directories
                                                : progress_.bytes_done - progress_.bytes_present);
  progress_.per_second = static_cast<std::uint64_t>(meter_.per_second());
  progress_.left.reset();
  if (!listing && progress_.bytes > progress_.bytes_done) {
    progress_.left = meter_.time_for(progress_.bytes - progress_.bytes_done);
  }
  shown_.with([&](JobProgress& p) { p = progress_; });
}

void Job::end(const Result<>& result) {
  if (ended_.exchange(true)) return;
  show();
  withdraw();
  observer_->on_end(result, progress_);
}

}  // namespace lazymirror
