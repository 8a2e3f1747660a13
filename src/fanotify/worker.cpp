// SPDX-License-Identifier: Apache-2.0
#include "fanotify/worker.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/log.h"
#include "fanotify/change_follower.h"
#include "fanotify/directory_opens.h"
#include "fanotify/file_accesses.h"
#include "fanotify/pulse.h"

namespace lazymirror::fanotify {
namespace {

constexpr BackgroundPopulates::Limits kLookAhead{.at_once = 8, .queued = 2'000, .attempts = 1};
constexpr BackgroundPopulates::Limits kChanges{.at_once = 4, .queued = SIZE_MAX, .attempts = 3};

// Members are in the order of their dependence. The end is in the destructor.
class Worker {
 public:
  Worker(const WorkerOptions& options, Engine& engine, Group& group, Channel& channel,
         TrapEnds& trap_ends, UniqueFd wake)
      : channel_(channel),
        trap_ends_(trap_ends),
        wake_(std::move(wake)),
        outbox_(channel),
        traps_(options.max_traps, outbox_) {
    timers_.emplace();
    pool_.emplace("lm-watch", std::max(options.threads, 1U));
    parts_.emplace(
        WorkerParts{options, engine, *engine.in_place(), group, outbox_, *gate_, *pool_, *timers_});
    if (options.opens.asks()) pauses_ = std::make_shared<EventPauses>(outbox_, gate_);
    engine.in_place()->set_observer(
        std::make_shared<PlacementGuards>(group, options.inode_guards, pauses_, options.holds));
    population_.emplace(*parts_, traps_);
    look_ahead_.emplace(*parts_, *population_, kLookAhead);
    changed_.emplace(*parts_, *population_, kChanges);
    directory_marks_.emplace(*parts_);
    files_.emplace(*parts_);
    directories_.emplace(*parts_, *population_, *directory_marks_, traps_, *look_ahead_);
    follower_.emplace(*parts_, traps_, *directory_marks_, *changed_, *look_ahead_);
    pulse_.emplace(outbox_, *gate_, lanes(engine));
    engine.set_listener(&*follower_);
  }

  // 1. Nothing more is said. 2. Neither the engine nor a timer gets in here any
  // more. 3. The pool does what it was given: all that refers to the parts.
  ~Worker() {
    outbox_.silence();
    parts_->engine.set_listener(nullptr);
    gate_->close();
    pool_.reset();
    timers_.reset();
  }

  Result<WorkerEnd> run();

 private:
  [[nodiscard]] std::vector<Lane> lanes(Engine& engine);
  void begin();
  void populate_root();
  void on_root(const Result<Population::Outcome>& result);
  void fail_start(const Error& error);
  [[nodiscard]] Result<bool> wait();  // false: the start has failed
  void dispatch(Channel::Received received);
  void on_event(Channel::Received received);
  void handle(AccessEventPtr event);

  Channel& channel_;
  TrapEnds& trap_ends_;
  const UniqueFd wake_;
  Guarded<std::optional<Error>> start_error_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  Outbox outbox_;
  TrapPlan traps_;
  std::shared_ptr<EventPauses> pauses_;  // null where opens are not asked for
  std::optional<TimerQueue> timers_;
  std::optional<WorkerPool> pool_;
  std::optional<WorkerParts> parts_;
  std::optional<Population> population_;
  std::optional<BackgroundPopulates> look_ahead_, changed_;
  std::optional<DirectoryMarks> directory_marks_;
  std::optional<FileAccesses> files_;
  std::optional<DirectoryOpens> directories_;
  std::optional<ChangeFollower> follower_;
  std::optional<Pulse> pulse_;
};

std::vector<Lane> Worker::lanes(Engine& engine) {
  std::vector<Lane> lanes = engine.lanes();
  lanes.push_back(pool_->lane());
  lanes.push_back(timers_->lane());
  return lanes;
}

// --- the start ---

// Files that are guarded one by one must be so before the tree is shown.
void Worker::begin() {
  const WorkerOptions& options = parts_->options;
  if (!options.inode_guards || !options.first) return populate_root();
  pool_->run([this] {
    const auto guarded = parts_->tree.place_known();
    if (!guarded) return fail_start(guarded.error());
    populate_root();
  });
}

void Worker::populate_root() {
  population_->populate(kRootId, Priority::demand,
                        [this](const Result<Population::Outcome>& result) { on_root(result); });
}

// With a listing at hand the tree is shown, and its root asked for again when
// it is opened.
void Worker::on_root(const Result<Population::Outcome>& result) {
  if (result) {
    look_ahead_->add(result->untrapped);
    return outbox_.ready();
  }
  if (result.error().code == Errc::cancelled) return;
  auto known = parts_->gate.completion<std::shared_ptr<const DirectoryView>>(
      [this, error = result.error()](const Result<std::shared_ptr<const DirectoryView>>& view) {
        if (!view) return fail_start(error);
        log::warn("fanotify: not all of the root is shown: {}", error.message);
        outbox_.ready();
      });
  const SteadyTime now = std::chrono::steady_clock::now();
  parts_->engine.list(kRootId, {Priority::demand, now}, std::move(known));
}

void Worker::fail_start(const Error& error) {
  start_error_.with([&](auto& failed) { failed = error; });
  constexpr std::uint64_t kOne = 1;
  (void)!::write(wake_.get(), &kOne, sizeof kOne);
}

// --- messages ---

Result<bool> Worker::wait() {
  std::array<pollfd, 2> ready{pollfd{channel_.fd(), POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
  while (::poll(ready.data(), ready.size(), -1) < 0) {
    if (errno != EINTR) return fail_errno(errno, "cannot wait for the keeper");
  }
  return ready[1].revents == 0;
}

Result<WorkerEnd> Worker::run() {
  begin();
  for (;;) {
    const auto woken = wait();
    if (!woken) return fail(woken.error());
    if (!*woken) return fail(*start_error_.with([](auto& error) { return error; }));
    auto received = channel_.receive_from_keeper();
    if (!received) {
      if (received.error().code != Errc::unreachable) return fail(received.error());
      trap_ends_.end_walks(parts_->group);  // at once: the engine's end may take its time
      return WorkerEnd::keeper_gone;
    }
    if (received->message.kind == ToWorker::Kind::stop) return WorkerEnd::stopped;
    dispatch(std::move(*received));
  }
}

void Worker::dispatch(Channel::Received received) {
  const ToWorker& message = received.message;
  switch (message.kind) {
    case ToWorker::Kind::event: return on_event(std::move(received));
    case ToWorker::Kind::trapped:
      return pool_->run([this, entry = message.entry] { directories_->handle_walk(entry); });
    case ToWorker::Kind::trap_set:
      return pool_->run([this, entry = message.entry, error = message.error] {
        if (!traps_.on_trap_set(entry, error)) look_ahead_->add({entry});
      });
    case ToWorker::Kind::trap_pipe: return trap_ends_.hold_pipe(std::move(received.fd));
    case ToWorker::Kind::trap_made: return trap_ends_.hold(message.entry, std::move(received.fd));
    case ToWorker::Kind::trap_gone: return trap_ends_.drop(message.entry);
    case ToWorker::Kind::ping: return pulse_->on_ping(std::chrono::steady_clock::now());
    case ToWorker::Kind::paused:
      if (pauses_) pauses_->on_paused(message.ticket);
      return;
    case ToWorker::Kind::stop: return;
  }
}

void Worker::on_event(Channel::Received received) {
  const ToWorker& message = received.message;
  auto event = std::make_shared<AccessEvent>();
  event->ticket = message.ticket;
  event->kind = message.event;
  event->fd = std::move(received.fd);
  if (message.has_range != 0) event->offset = message.offset;
  event->count = message.count;
  pool_->run([this, event = std::move(event)] { handle(event); });
}

void Worker::handle(AccessEventPtr event) {
  struct stat status {};
  if (::fstat(event->fd.get(), &status) != 0) {  // no room for its descriptor
    log::warn("fanotify: an event came without its file; too many are open");
    return outbox_.answer(event->ticket, EIO);
  }
  if (S_ISDIR(status.st_mode)) return directories_->handle(std::move(event));
  if (S_ISREG(status.st_mode)) return files_->handle(std::move(event));
  outbox_.answer(event->ticket, 0);
}

}  // namespace

Result<WorkerEnd> serve(const WorkerOptions& options, Engine& engine, Group& group,
                        Channel& channel, TrapEnds& trap_ends) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC));
  if (!wake.valid()) return fail_errno(errno, "cannot make an eventfd");
  return Worker(options, engine, group, channel, trap_ends, std::move(wake)).run();
}

}  // namespace lazymirror::fanotify
