// SPDX-License-Identifier: Apache-2.0
//
// Traps that go over to another keeper as they are, with those who wait there.
#include <fcntl.h>

#include <utility>

#include "fanotify/traps_impl.h"

namespace lazymirror::fanotify {
namespace {

UniqueFd copy_of(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

TrapsLeft::Trap left_by(const Trap& trap) {
  TrapsLeft::Trap left;
  left.state = static_cast<int>(trap.state);
  left.key = trap.key;
  left.device = trap.device;
  left.tokens = trap.tokens;
  left.path = trap.path;
  left.since = trap.since;
  left.directory = copy_of(trap.directory.get());
  left.control = copy_of(trap.control.get());
  return left;
}

std::unique_ptr<Trap> taken_over(TrapsLeft::Trap old) {
  auto trap = std::make_unique<Trap>();
  trap->state = static_cast<Trap::State>(old.state);
  trap->key = old.key;
  trap->path = std::move(old.path);
  trap->directory = std::move(old.directory);
  trap->control = std::move(old.control);
  trap->device = old.device;
  trap->tokens = std::move(old.tokens);
  trap->since = old.since;
  return trap;
}

}  // namespace

TrapsLeft Traps::copy() const {
  TrapsLeft copy;
  copy.root = copy_of(impl_->root.get());
  copy.walks = copy_of(impl_->autofs.fd());
  copy.notices = copy_of(impl_->autofs.notices());
  copy.usher = copy_of(impl_->hands.line());
  copy.group = impl_->hands.group();
  copy.last_stale = impl_->last_stale;
  const auto add = [&](const Trap& trap) { copy.traps.push_back(left_by(trap)); };
  for (const auto& [key, trap] : impl_->armed) add(*trap);
  for (const auto& trap : impl_->left) add(*trap);
  return copy;
}

bool Traps::have_usher() const { return !impl_->hands.are_own(); }

void Traps::leave() { impl_->is_ours = false; }
void Traps::enter() { impl_->is_ours = true; }

Result<std::unique_ptr<Traps>> Traps::take_over(TrapsLeft left, std::string root_path) {
  auto hands = TrapHands::of_usher(std::move(left.usher), left.group);
  if (!hands) return fail(hands.error());
  auto impl = std::make_unique<Impl>(Autofs::of(std::move(left.walks), std::move(left.notices)),
                                     std::move(*hands), std::move(left.root), std::move(root_path));
  impl->is_ours = false;
  impl->last_stale = left.last_stale;
  for (TrapsLeft::Trap& old : left.traps) impl->add(taken_over(std::move(old)));
  return std::unique_ptr<Traps>(new Traps(std::move(impl)));
}

void Traps::Impl::add(std::unique_ptr<Trap> trap) {
  of_device[trap->device] = trap.get();
  if (trap->state != Trap::State::detached) mounted[trap->path] = trap.get();
  if (trap->state != Trap::State::armed) {
    left.push_back(std::move(trap));
    return;
  }
  if (!trap->tokens.empty()) caught_meanwhile.push_back({trap->key, 0});
  armed[trap->key] = std::move(trap);
}

}  // namespace lazymirror::fanotify
