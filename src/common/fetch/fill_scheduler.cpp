// SPDX-License-Identifier: Apache-2.0
#include "fetch/fill_scheduler.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "fetch/fill_scheduler_impl.h"
#include "fetch/read_ahead.h"

namespace lazymirror {
namespace {

using namespace detail;

// A waiter may ask this often for what it misses before the origin, which ends
// its transfers short without an error, is called broken.
constexpr unsigned kMaxRounds = 4;

std::vector<Need> needs_of(FillTarget& target, ByteRange range, bool all) {
  std::vector<Need> needs;
  while (auto missing = target.first_missing(range)) {
    needs.push_back({*missing, target.request_for(*missing)});
    if (!all || missing->end >= range.end) break;
    range.begin = missing->end;
  }
  return needs;
}

}  // namespace

// --- state, under the lock ---

FilePtr FillScheduler::Impl::file_of(const std::shared_ptr<FillTarget>& target) {
  auto& file = files[target.get()];
  if (!file) {
    file = std::make_shared<FileState>();
    file->target = target;
  }
  return file;
}

void FillScheduler::Impl::forget_if_idle(const FilePtr& file) {
  if (!file->idle()) return;
  const auto it = files.find(file->target.get());
  if (it != files.end() && it->second == file) files.erase(it);
}

bool FillScheduler::Impl::is_covered(const FileState& file, std::uint64_t offset, Priority by) {
  return std::any_of(file.flights.begin(), file.flights.end(), [&](const FlightPtr& f) {
    return f->pending().contains(offset) && (f->running || f->priority <= by);
  });
}

FillPlan FillScheduler::Impl::plan(const FileState& file, const std::vector<Need>& needs,
                                   std::uint64_t max_request, bool urgent) {
  std::vector<ByteRange> pending;
  for (const FlightPtr& f : file.flights) pending.push_back(f->pending());
  return plan_fill(needs, pending, max_request, urgent);
}

// A window that grows brings all streams into use at once. Cut at the ends of
// chunks, or two requests would bring one.
std::uint64_t FillScheduler::Impl::share_of_idle(const FileState& file, std::uint64_t size) const {
  const auto queued = std::count_if(file.flights.begin(), file.flights.end(), [](const auto& f) {
    return f->length == Length::lengthy && !f->running;
  });
  const std::uint64_t busy = long_running + static_cast<std::uint64_t>(queued);
  const std::uint64_t idle = tuner.streams() > busy ? tuner.streams() - busy : 1;
  const std::uint64_t share = std::max(size / idle, Flight::kLong);
  const std::uint64_t chunk = file.target->chunk_size();
  return std::min((share + chunk - 1) / chunk * chunk, options.max_request);
}

void FillScheduler::Impl::enact(const FilePtr& file, const FillPlan& plan, Priority priority,
                                bool guess, Actions& actions) {
  for (const std::size_t i : plan.depends_on) {
    Flight& flight = *file->flights[i];
    flight.unwanted = false;
    if (priority == Priority::demand) flight.urgent = true;
    if (flight.running || flight.priority <= priority) continue;
    flight.priority = priority;
    if (flight.ticket != 0) actions.promote.emplace_back(flight.ticket, priority);
  }
  for (const ByteRange range : plan.start) {
    auto flight = std::make_shared<Flight>(shared_from_this(), file, range, priority, guess);
    file->flights.push_back(flight);
    ++flight_count;
    actions.submit.push_back(std::move(flight));
  }
}

FillScheduler::Impl::Step FillScheduler::Impl::place(const WaiterPtr& waiter,
                                                     const std::vector<Need>& needs,
                                                     Actions& actions) {
  const std::uint64_t at = needs.front().missing.begin;
  if (waiter->planned) {
    if (!is_covered(*waiter->file, at, waiter->priority)) {
      waiter->planned = false;
      return Step::look_again;
    }
    park(waiter, at);
    return Step::wait;
  }
  const FillPlan next = plan(*waiter->file, needs, options.max_request, true);
  if (!next.start.empty() && waiter->rounds++ == kMaxRounds) return Step::give_up;
  waiter->planned = true;
  enact(waiter->file, next, waiter->priority, false, actions);
  park(waiter, at);
  return Step::wait;
}

// --- waiters ---

WaiterPtr FillScheduler::Impl::admit(const std::shared_ptr<FillTarget>& target, ByteRange range,
                                     Priority priority, Completion<>& done) {
  auto waiter = std::make_shared<Waiter>();
  const std::lock_guard lock(mutex);
  if (stopped) return nullptr;
  waiter->id = next_id++;
  waiter->file = file_of(target);
  waiter->range = range;
  waiter->at = range.begin;
  waiter->priority = priority;
  waiter->done = std::move(done);
  waiters.emplace(waiter->id, waiter);
  waiter->file->waiters.emplace(waiter->id, waiter);
  return waiter;
}

void FillScheduler::Impl::serve(const WaiterPtr& waiter) {
  FileState& file = *waiter->file;
  for (;;) {
    std::unique_lock lock(mutex);
    if (waiter->gone) return;
    const std::uint64_t moves = file.moves;
    const ByteRange rest{waiter->at, waiter->range.end};
    const bool all = !waiter->planned;
    lock.unlock();

    const std::vector<Need> needs = needs_of(*file.target, rest, all);
    if (needs.empty()) return finish(waiter, {});

    Actions actions;
    lock.lock();
    if (waiter->gone) return;
    if (file.moves != moves) continue;
    const Step step = place(waiter, needs, actions);
    lock.unlock();
    if (step == Step::look_again) continue;
    if (step == Step::give_up) {
      return finish(waiter, fail(Errc::bad_reply, "the origin sends less than was asked for"));
    }
    return perform(actions);
  }
}

// False when it has completed meanwhile.
bool FillScheduler::Impl::arm(const WaiterPtr& waiter, SteadyTime deadline) {
  {
    const std::lock_guard lock(mutex);
    if (waiter->gone) return false;
  }
  const TimerId timer =
      timers.run_at(deadline, [weak = weak_from_this(), waiter_ref = std::weak_ptr(waiter)] {
        const auto self = weak.lock();
        const auto late = waiter_ref.lock();
        if (self && late) self->finish(late, fail(Errc::timeout, "the bytes did not come in time"));
      });
  std::unique_lock lock(mutex);
  if (!waiter->gone) {
    waiter->timer = timer;
    return true;
  }
  lock.unlock();
  timers.cancel(timer);
  return false;
}

void FillScheduler::Impl::finish(const WaiterPtr& waiter, Result<> result) {
  Completion<> done;
  TimerId timer = 0;
  {
    const std::lock_guard lock(mutex);
    if (std::exchange(waiter->gone, true)) return;
    unpark(*waiter);
    waiters.erase(waiter->id);
    waiter->file->waiters.erase(waiter->id);
    forget_if_idle(waiter->file);
    done = std::move(waiter->done);
    timer = waiter->timer;
  }
  if (timer != 0) timers.cancel(timer);
  done(std::move(result));
}

void FillScheduler::Impl::perform(const Actions& actions) {
  for (const auto& [ticket, priority] : actions.promote) queue.promote(ticket, priority);
  for (const FlightPtr& flight : actions.submit) {
    Priority asked, wanted;
    {
      const std::lock_guard lock(mutex);
      asked = flight->priority;
    }
    const TicketId ticket = queue.submit(
        asked, [self = shared_from_this(), flight](TicketId id) { self->begin(flight, id); },
        flight->length);
    {
      const std::lock_guard lock(mutex);
      flight->ticket = ticket;
      wanted = flight->priority;
    }
    if (wanted < asked) queue.promote(ticket, wanted);  // somebody joined between the two looks
  }
}

// --- the face ---

FillScheduler::FillScheduler(Options options, TransferQueue& queue, TimerQueue& timers,
                             const Clock& clock)
    : impl_(std::make_shared<Impl>(options, queue, timers, clock)) {
  queue.set_streams(impl_->tuner.streams());
}

FillScheduler::~FillScheduler() { stop(); }

WaiterId FillScheduler::fill(const std::shared_ptr<FillTarget>& target, ByteRange range,
                             RequestContext context, Completion<> done) {
  range = range.intersect({0, target->size()});
  if (target->is_present(range)) {
    done({});
    return 0;
  }
  const WaiterPtr waiter = impl_->admit(target, range, context.priority, done);
  if (!waiter) {
    done(fail(Errc::cancelled, "the daemon is stopping"));
    return 0;
  }
  impl_->serve(waiter);
  return impl_->arm(waiter, context.deadline) ? waiter->id : 0;
}

void FillScheduler::prefetch(const std::shared_ptr<FillTarget>& target, ByteRange range,
                             Priority priority, Cut cut) {
  range = range.intersect({0, target->size()});
  const std::vector<Need> needs = needs_of(*target, range, true);
  if (needs.empty()) return;
  Impl::Actions actions;
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopped) return;
    const FilePtr file = impl_->file_of(target);
    const std::uint64_t piece =
        cut == Cut::few ? impl_->options.max_request : impl_->share_of_idle(*file, range.size());
    impl_->enact(file, impl_->plan(*file, needs, piece, false), priority, true, actions);
    impl_->forget_if_idle(file);
  }
  impl_->perform(actions);
}

void FillScheduler::cancel(WaiterId id) {
  WaiterPtr waiter;
  Impl::Queued queued;
  {
    const std::lock_guard lock(impl_->mutex);
    const auto it = impl_->waiters.find(id);
    if (it == impl_->waiters.end()) return;
    waiter = it->second;
    impl_->pick_unwanted(
        *waiter->file, waiter.get(),
        [&](const Flight& f) {
          const bool stands_here = f.running && f.pending().contains(waiter->at);
          return !f.guess && !stands_here && f.range.overlaps(waiter->range);
        },
        queued);
  }
  impl_->finish(waiter, fail(Errc::cancelled, "interrupted"));
  impl_->withdraw(queued);
}

void FillScheduler::abandon(const std::shared_ptr<FillTarget>& target) {
  Impl::Queued queued;
  {
    const std::lock_guard lock(impl_->mutex);
    const auto file = impl_->files.find(target.get());
    if (file == impl_->files.end()) return;
    impl_->pick_unwanted(
        *file->second, nullptr, [](const Flight&) { return true; }, queued);
  }
  impl_->withdraw(queued);
}

std::uint64_t FillScheduler::largest_window() const {
  const std::lock_guard lock(impl_->mutex);
  return std::max(ReadAhead::kLargest, 2 * impl_->tuner.streams() * impl_->options.max_request);
}

void FillScheduler::stop() {
  std::vector<WaiterPtr> waiters;
  Impl::Queued queued;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopped = true;
    for (const auto& [id, waiter] : impl_->waiters) waiters.push_back(waiter);
    for (const auto& [target, file] : impl_->files) {
      for (const FlightPtr& f : file->flights) {
        if (!f->running && f->ticket != 0) queued.emplace_back(f, f->ticket);
      }
    }
  }
  const Failure stopping = fail(Errc::cancelled, "the daemon is stopping");
  for (const WaiterPtr& waiter : waiters) impl_->finish(waiter, stopping);
  for (const auto& [flight, ticket] : queued) {
    if (impl_->queue.withdraw(ticket)) impl_->end(*flight, stopping);
  }
}

FillScheduler::Load FillScheduler::load() const {
  const std::lock_guard lock(impl_->mutex);
  return {impl_->waiters.size(), impl_->flight_count};
}

}  // namespace lazymirror
