// SPDX-License-Identifier: Apache-2.0
//
// From one keeper to the next: what a run takes up, and what it leaves.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/log.h"
#include "fanotify/claims.h"
#include "fanotify/inherited_descriptors.h"
#include "fanotify/known_process.h"
#include "fanotify/privileges.h"
#include "fanotify/run.h"
#include "fanotify/usher.h"

namespace lazymirror::fanotify {
namespace {

constexpr Duration kGrace{5'000};    // beyond the timeout of a reader
constexpr Duration kEnding{20'000};  // for a caretaker to end everything

UniqueFd copy_of(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

Result<std::pair<UniqueFd, UniqueFd>> make_line() {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "cannot make a line to the next keeper");
  }
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

std::string path_of(int directory) { return "/proc/self/fd/" + std::to_string(directory); }

bool is_guarded(int directory) {
  const auto claim = look_at_claim(guard_path(path_of(directory)));
  return claim && claim->state != ClaimState::free;
}

}  // namespace

// What a keeper would have to do anew if any of it were different.
std::string Run::terms() const {
  std::string terms = options_.cache_directory + '\n' + options_.shown_at + '\n';
  for (const bool is : {group_->mode() == EventMode::pre_access, options_.shared_filesystem,
                        options_.fill_on_open, options_.max_traps > 0}) {
    terms += is ? '1' : '0';
  }
  return terms + ' ' + std::to_string(options_.fill_on_open_limit) + ' ' +
         std::to_string(worker_user().uid);
}

// --- the one that comes ---

bool Run::take_over() {
  UniqueFd line = parts_.succession.take ? parts_.succession.take() : UniqueFd();
  if (!line.valid()) return false;
  auto asked = Heir::ask(std::move(line));
  const auto settled = asked ? settle_in(asked->second) : fail(asked.error());
  if (settled) {
    heir_.emplace(std::move(asked->first));
    return true;
  }
  log::warn("fanotify: {}; readers are not taken over", settled.error().message);
  lock_.reset();
  mount_.reset();
  group_.reset();
  parts_.succession.forget();
  return false;
}

// The group asks already and nobody answers yet: nothing of the cache's file
// system is opened but through the work mount.
Result<> Run::settle_in(Estate& estate) {
  group_.emplace(std::move(estate.group), estate.mode);
  const bool as_wanted =
      options_.events == EventChoice::automatic ||
      (options_.events == EventChoice::pre_access) == (estate.mode == EventMode::pre_access);
  if (!as_wanted || estate.terms != terms()) {
    return fail(Errc::unsupported, "the tree is to be watched in another way than before");
  }
  if (is_guarded(estate.directory.get())) {
    return fail(Errc::busy, "the keeper before was killed, and its guard is to be relieved");
  }
  if (auto r = renew_lock(path_of(estate.directory.get())); !r) return r;
  lock_ = std::move(estate.lock);
  opens_ = estate.opens;
  mechanism_ = mechanism_of(estate.mode, options_.events);
  mount_.emplace(std::move(estate.space), std::move(estate.directory), estate.idmapped);
  if (auto r = choose_worker(); !r) return r;
  log::info("fanotify: taking over from the keeper before; {} readers wait", estate.events.size());
  estate_ = std::move(estate);
  return {};
}

Result<> Run::hand_to(Keeper& keeper) {
  if (!heir_) return {};
  std::unique_ptr<Traps> traps;
  if (estate_.traps) {
    auto taken = Traps::take_over(std::move(*estate_.traps), options_.cache_directory + "/data");
    if (!taken) return fail(taken.error());
    traps = std::move(*taken);
    set_up(*traps);
  }
  keeper.take_over(
      std::move(traps), std::move(estate_.events),
      {.is_there = [this] { return heir_->is_refused(); }, .fd = [this] { return heir_->fd(); }});
  return {};
}

Result<View> Run::view_before() const {
  return View::take_over({options_.cache_directory, options_.shown_at},
                         copy_of(estate_.door.get()));
}

// In the keeper, when its worker is ready.
Result<std::unique_ptr<Traps>> Run::enter() {
  auto view = view_before();
  if (!view) return fail(view.error());
  if (auto r = heir_->claim(); !r) {
    view->leave();
    return fail(r.error());
  }
  view_.emplace(std::move(*view));
  estate_.door.reset();
  heir_.reset();
  parts_.succession.forget();
  occupy_first_numbers(first_numbers_);  // the heir's are free
  deny_lost();
  return std::unique_ptr<Traps>();
}

// Whom we cannot answer later, because only the number is known here.
void Run::deny_lost() {
  for (const int number : estate_.lost) (void)group_->answer(number, EIO);
  if (estate_.lost.empty()) return;
  log::warn("fanotify: {} readers could not be taken over and got an error (EIO)",
            estate_.lost.size());
}

// Not yet in our hands. A run that failed may be followed by another one; who
// stops us wants everything to end.
Result<WatchEnd> Run::end_unentered(Keeper& keeper, const Result<>& end) {
  if (heir_->is_alone()) {
    end_for_caretaker(keeper);
  } else if (end) {
    heir_.reset();
    (void)end_all(Role::caretaker, options_.cache_directory, kEnding);
  }
  return end ? Result<WatchEnd>(WatchEnd::over) : fail(end.error());
}

// It was killed, and nobody else has what it left.
void Run::end_for_caretaker(Keeper& keeper) {
  auto view = view_before();
  if (view) view_.emplace(std::move(*view));
  keeper.enter();
  deny_lost();
  if (is_guarded(mount_->directory())) return keeper.give_up_to_a_guard();
  keeper.give_up();
  leave_guard_if_needed();
}

// --- the one that leaves ---

// Whoever looks for a caretaker finds one from before there is no keeper any more.
Result<WatchEnd> Run::leave(Keeper& keeper) {
  const auto role = take_role(Role::caretaker, options_.cache_directory);
  auto line = make_line();
  auto caretaker = line ? ForkedChild::start([&] {
    line->first.reset();
    return take_care(keeper, std::move(line->second));
  })
                        : Result<ForkedChild>(fail(line.error()));
  if (!caretaker) {
    keeper.give_up();
    leave_guard_if_needed();
    return fail(caretaker.error());
  }
  line->second.reset();
  const auto kept = parts_.succession.keep(line->first.get());
  line->first.reset();
  if (!kept) {
    log::warn("fanotify: {}: nothing is handed over", kept.error().message);
    (void)caretaker->wait(kEnding);  // nobody can reach it any more: it ends everything
  }
  caretaker->let_go();
  keeper.let_go();
  view_->leave();
  return kept ? WatchEnd::left : WatchEnd::over;
}

Estate Run::estate_of(const Keeper& keeper, int to_usher) const {
  Estate estate;
  estate.terms = terms();
  estate.mode = group_->mode();
  estate.opens = opens_;
  estate.group = copy_of(group_->fd());
  estate.lock = copy_of(lock_.get());
  estate.door = copy_of(view_->door());
  estate.space = copy_of(mount_->fd());
  estate.directory = copy_of(mount_->directory());
  estate.idmapped = mount_->is_idmapped();
  keeper.copy_to(estate);
  if (keeper.needs_usher()) estate.traps->usher = copy_of(to_usher);
  return estate;
}

// In the caretaker. Readers may wait as long as they might have without a restart.
int Run::take_care(Keeper& keeper, UniqueFd line) {
  for (const int fd : options_.kept) UniqueFd(fd).reset();  // of others, who wait for their end
  auto ushers = make_line();
  place_.kept.clear();  // not the lock: a guard that is left alone keeps nobody out
  const auto guard = [&] {
    return WorkerProcess::start(place_, stand_by, false, keeper.trap_handles());
  };
  Caretaker caretaker(
      std::move(line), signals_,
      {.start_guard = guard,
       .estate = [&] { return estate_of(keeper, ushers ? ushers->first.get() : -1); },
       .is_guarded = [&] { return is_guarded(mount_->directory()); },
       .patience = options_.timeout + kGrace});
  const auto end = caretaker.run();
  if (end == Caretaker::End::taken_over) {
    return ushers ? be_usher(keeper, std::move(*ushers)) : 0;
  }
  log::info("fanotify: stopping");
  if (end == Caretaker::End::another_guards) {
    keeper.give_up_to_a_guard();
    return 0;
  }
  keeper.give_up();
  leave_guard_if_needed();
  return 0;
}

// What was the caretaker, and the first keeper before. Nothing else of the cache
// is left open here.
int Run::be_usher(const Keeper& keeper, std::pair<UniqueFd, UniqueFd> line) {
  if (!keeper.needs_usher()) return 0;
  const TrapHandles handles = keeper.trap_handles();
  std::vector<int> kept{line.second.get(), group_->fd(), handles.pipe};
  for (const auto& [device, control] : handles.controls) kept.push_back(control);
  close_all_but(std::move(kept));
  return usher(std::move(line.second), *group_, TrapEnds(handles));
}

}  // namespace lazymirror::fanotify
