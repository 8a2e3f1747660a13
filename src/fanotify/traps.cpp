// SPDX-License-Identifier: Apache-2.0
#include "fanotify/traps.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "fanotify/mount_calls.h"
#include "fanotify/trap_path.h"
#include "fanotify/traps_impl.h"
#include "fanotify/working_directories.h"

namespace lazymirror::fanotify {
namespace {

using std::chrono::seconds;

// From the end of one wait to the next trap of the same walk. Generous, since the
// walker may have to wait for a processor, or the machine was paused: whoever is
// sent back twice in a walk fails, while one bound mount too many costs little.
constexpr seconds kWalk{10};
// For those who were let through, or sent back, to be on their way.
constexpr seconds kLeft{2};
// A tick's work, so that events never wait long for it.
constexpr std::size_t kTidiedAtOnce = 128;

// The directory with the traps below it, but without its own: an unbindable
// mount is left out of clones. It leaves its peer group for that, into which a
// clone that was made before takes it back.
Result<UniqueFd> clone_below(const Trap& trap) {
  auto peer = clone_mount(trap.control.get(), 0);
  if (!peer) return peer;
  if (auto done = set_mount(trap.control.get(), 0, MS_UNBINDABLE); !done) return fail(done.error());
  auto clone = clone_mount(trap.directory.get(), AT_RECURSIVE);
  auto done = set_mount(trap.control.get(), 0, MS_PRIVATE);
  if (done) done = join_peers(trap.control.get(), peer->get());
  return done ? std::move(clone) : fail(done.error());
}

// A slave of the view follows what is mounted in the view later, and taking it
// away takes nothing from there.
Result<> bind_over(const Trap& trap, const UniqueFd& visible,
                   const std::function<Result<>(int)>& mark) {
  auto clone = clone_below(trap);
  if (!clone) return fail(clone.error());
  if (mark) {
    if (auto done = mark(clone->get()); !done) return done;
  }
  if (auto done = set_mount(clone->get(), 0, MS_SLAVE, AT_RECURSIVE); !done) return done;
  return attach_mount(clone->get(), visible.get());
}

}  // namespace

// From the nearest directory above whose trap hides what is below it.
Result<UniqueFd> Traps::Impl::open_directory(const std::string& path) const {
  for (auto slash = path.rfind('/'); slash != std::string::npos && slash > 0;
       slash = path.rfind('/', slash - 1)) {
    if (const auto above = mounted.find(path.substr(0, slash)); above != mounted.end()) {
      return open_below(above->second->directory.get(), path.substr(slash + 1));
    }
  }
  return open_below(root.get(), path);
}

Result<std::unique_ptr<Trap>> Traps::Impl::place(std::uint64_t key, const std::string& path,
                                                 const HandOver& hand_over) const {
  auto directory = open_directory(path);
  if (!directory) return fail(directory.error());
  struct stat like {};
  if (::fstat(directory->get(), &like) != 0) return fail_errno(errno, "cannot stat " + path);
  auto made =
      autofs.make_trap(like, hands.group(), [this](int mount) { return hands.open_root(mount); });
  if (!made) return fail(made.error());
  if (!tell_of(*made, hand_over)) return fail(Errc::busy, "no trap can be set now");
  if (auto done = attach_mount(made->mount.get(), directory->get()); !done) {
    hands.drop(made->device);
    return fail(with_context(done.error(), "cannot set a trap at " + path));
  }
  auto trap = std::make_unique<Trap>();
  trap->key = key;
  trap->path = path;
  trap->directory = std::move(*directory);
  trap->control = std::move(made->control);
  trap->device = made->device;
  return trap;
}

// An usher knows of it already.
bool Traps::Impl::tell_of(const Autofs::Trap& trap, const HandOver& hand_over) const {
  return !hands.are_own() || !hand_over || hand_over(trap.device, trap.control.get());
}

void Traps::Impl::note(const Autofs::Walk& walk) {
  const auto found = of_device.find(walk.device);
  if (found == of_device.end()) return;  // of a trap that was disabled: the kernel has ended it
  Trap& trap = *found->second;
  if (trap.state == Trap::State::armed) {
    if (trap.tokens.empty()) {
      trap.since = clock->now();
      caught_meanwhile.push_back({trap.key, walk.pid});
    }
    trap.tokens.push_back(walk.token);
    return;
  }
  // Came to the trap while it was taken away.
  end_wait(trap, walk.token, trap.state == Trap::State::bound ? 0 : ESTALE);
}

void Traps::Impl::drain() {
  while (const auto walk = autofs.next()) note(*walk);
}

bool Traps::Impl::is_waited_for(std::uint64_t key) const {
  const auto found = armed.find(key);
  return found != armed.end() && !found->second->tokens.empty();
}

// Nobody who waits here can have been sent back before in the same walk.
bool Traps::Impl::may_walk_again(const Trap& trap) const {
  const SteadyTime came = trap.tokens.empty() ? clock->now() : trap.since;
  return last_stale == SteadyTime{} || last_stale + kWalk < came;
}

void Traps::Impl::end_wait(const Trap& trap, std::uint32_t token, int error) {
  if (error == ESTALE) last_stale = clock->now();
  if (auto done = hands.end_wait(trap.control.get(), token, error); !done) {
    log::debug("fanotify: trap at {}: {}", trap.path, done.error().message);
  }
}

void Traps::Impl::end_waits(Trap& trap, int error) {
  for (const std::uint32_t token : std::exchange(trap.tokens, {})) end_wait(trap, token, error);
}

void Traps::Impl::take_away(Trap& trap, SteadyTime now) {
  hands.unmount(trap.control.get());
  if (const auto found = mounted.find(trap.path);
      found != mounted.end() && found->second == &trap) {
    mounted.erase(found);
  }
  trap.state = Trap::State::detached;
  trap.since = now;
}

// Over the trap that walkers stand in: below a directory that is bound itself,
// that is the copy in that mount. The one in the view is hidden, and goes when
// the other does.
Result<> Traps::Impl::bind(const Trap& trap) const {
  auto visible = hands.open_trap(root_paths.front() + '/' + trap.path, trap.device);
  return visible ? bind_over(trap, *visible, mark_bound) : fail(visible.error());
}

void Traps::Impl::let_go(std::unique_ptr<Trap> trap) {
  const SteadyTime now = clock->now();
  if (may_walk_again(*trap)) {
    take_away(*trap, now);
    end_waits(*trap, ESTALE);
  } else if (auto bound = bind(*trap); bound) {
    trap->state = Trap::State::bound;
    trap->since = now;
    end_waits(*trap, 0);
  } else {
    log::warn("fanotify: trap at {}: {}", trap->path, bound.error().message);
    take_away(*trap, now);
    end_waits(*trap, ESTALE);
  }
  left.push_back(std::move(trap));
}

bool Traps::Impl::is_below_bound(const Trap& trap) const {
  for (auto slash = trap.path.rfind('/'); slash != std::string::npos && slash > 0;
       slash = trap.path.rfind('/', slash - 1)) {
    const auto above = mounted.find(trap.path.substr(0, slash));
    if (above != mounted.end() && above->second->state == Trap::State::bound) return true;
  }
  return false;
}

// With what is bound below it, which was in that mount.
void Traps::Impl::take_away_bound(Trap& trap, SteadyTime now) {
  take_away(trap, now);
  for (auto& other : left) {
    if (other->state == Trap::State::bound && other->path.starts_with(trap.path + '/')) {
      take_away(*other, now);
    }
  }
}

void Traps::Impl::forget(const Trap& trap) {
  (void)hands.disable(trap.control.get());
  hands.drop(trap.device);
  of_device.erase(trap.device);
}

bool Traps::Impl::is_used(const Trap& trap, const std::vector<std::string>& used) const {
  return std::any_of(root_paths.begin(), root_paths.end(), [&](const std::string& root_path) {
    return any_at_or_below(used, root_path + '/' + trap.path);
  });
}

void Traps::Impl::tidy_bound(SteadyTime now) {
  std::vector<Trap*> old;
  for (auto& trap : left) {
    if (trap->state == Trap::State::bound && now - trap->since >= kLeft && !is_below_bound(*trap)) {
      old.push_back(trap.get());
    }
  }
  if (old.empty()) return;
  if (old.size() > kTidiedAtOnce) old.resize(kTidiedAtOnce);
  const auto used = working_directories_below(root_paths);
  for (Trap* trap : old) {
    if (!is_used(*trap, used)) take_away_bound(*trap, now);
  }
}

std::vector<std::uint64_t> Traps::Impl::tidy_detached(SteadyTime now) {
  std::vector<std::uint64_t> gone;
  std::erase_if(left, [&](const std::unique_ptr<Trap>& trap) {
    if (trap->state != Trap::State::detached || now - trap->since < kLeft) return false;
    forget(*trap);
    gone.push_back(trap->device);
    return true;
  });
  return gone;
}

Result<std::unique_ptr<Traps>> Traps::create(UniqueFd root, std::string root_path,
                                             std::shared_ptr<const Clock> clock) {
  auto autofs = Autofs::create();
  if (!autofs) return fail(autofs.error());
  auto hands = TrapHands::own();
  if (!hands) return fail(hands.error());
  return std::unique_ptr<Traps>(
      new Traps(std::make_unique<Impl>(std::move(*autofs), std::move(*hands), std::move(root),
                                       std::move(root_path), std::move(clock))));
}

Traps::Traps(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Traps::~Traps() {
  if (impl_->is_ours) clear(EIO);
}

void Traps::also_shown_at(std::string root_path) {
  impl_->root_paths.push_back(std::move(root_path));
}

void Traps::on_bound(std::function<Result<>(int mount)> mark) {
  impl_->mark_bound = std::move(mark);
}

Result<> Traps::set(std::uint64_t key, const std::string& path, const HandOver& hand_over) {
  if (auto valid = check_trap_path(path); !valid) return valid;
  if (has(key)) return fail(Errc::busy, "there is a trap already at " + path);
  if (const auto there = impl_->mounted.find(path); there != impl_->mounted.end()) {
    if (there->second->state == Trap::State::armed) {
      return fail(Errc::busy, "there is a trap already at " + path);
    }
    impl_->take_away_bound(*there->second, impl_->clock->now());
  }
  auto trap = impl_->place(key, path, hand_over);
  if (!trap) return fail(trap.error());
  impl_->mounted[path] = trap->get();
  impl_->of_device[(*trap)->device] = trap->get();
  impl_->armed[key] = std::move(*trap);
  return {};
}

bool Traps::has(std::uint64_t key) const { return impl_->armed.count(key) != 0; }
std::size_t Traps::count() const { return impl_->armed.size(); }
int Traps::fd() const { return impl_->autofs.fd(); }

TrapHandles Traps::handles() const {
  TrapHandles handles{fd(), {}};
  if (!impl_->hands.are_own()) return handles;
  for (const auto& [device, trap] : impl_->of_device) {
    handles.controls.emplace_back(device, trap->control.get());
  }
  return handles;
}

std::vector<Traps::Caught> Traps::read() {
  impl_->drain();
  auto caught = std::exchange(impl_->caught_meanwhile, {});
  std::erase_if(caught, [this](const Caught& one) { return !impl_->is_waited_for(one.key); });
  return caught;
}

Result<> Traps::release(std::uint64_t key, int error) {
  impl_->drain();  // who waits is known now
  const auto found = impl_->armed.find(key);
  if (found == impl_->armed.end()) return {};
  if (error != 0 && error != ESTALE) {
    impl_->end_waits(*found->second, error);
    return {};
  }
  auto trap = std::move(found->second);
  impl_->armed.erase(found);
  impl_->let_go(std::move(trap));
  return {};
}

std::vector<std::uint64_t> Traps::tidy(SteadyTime now) {
  auto gone = impl_->tidy_detached(now);
  impl_->tidy_bound(now);
  return gone;
}

void Traps::clear(int error) {
  impl_->drain();
  const SteadyTime now = impl_->clock->now();
  for (auto& [key, trap] : impl_->armed) impl_->left.push_back(std::move(trap));
  impl_->armed.clear();
  for (auto& trap : impl_->left) {
    if (trap->state != Trap::State::detached) impl_->take_away(*trap, now);
    impl_->end_waits(*trap, error);
  }
  impl_->drain();  // who came meanwhile
  for (auto& trap : impl_->left) impl_->forget(*trap);
  impl_->left.clear();
}

}  // namespace lazymirror::fanotify
