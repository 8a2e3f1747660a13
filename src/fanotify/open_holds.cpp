// SPDX-License-Identifier: Apache-2.0
#include "fanotify/open_holds.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/log.h"
#include "base/worker_pool.h"

namespace lazymirror::fanotify {

Result<Group> OpenHolds::make_group(int mount) {
  auto group = Group::create(EventMode::pre_access);
  if (!group) return group;
  if (auto r = group->ignore_mount(mount); !r) return fail(r.error());
  return group;
}

Result<std::shared_ptr<OpenHolds>> OpenHolds::start(Group group) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC));
  if (!wake.valid()) return fail_errno(errno, "cannot make an eventfd");
  return std::make_shared<OpenHolds>(std::move(group), std::move(wake));
}

OpenHolds::OpenHolds(Group group, UniqueFd wake)
    : wake_(std::move(wake)), group_(std::move(group)), thread_([this] { run(); }) {}

OpenHolds::~OpenHolds() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    moved_.notify_all();
  }
  constexpr std::uint64_t kOne = 1;
  (void)!::write(wake_.get(), &kOne, sizeof kOne);
  thread_.join();
}

std::shared_ptr<void> OpenHolds::begin(int fd) {
  {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return !held_; });
    held_ = true;
  }
  // Any pointer that is not null: what counts is its end.
  std::shared_ptr<void> hold(this, [self = shared_from_this()](void*) { self->end(); });
  if (auto r = group_.guard_opens(fd); !r) log::debug("fanotify: {}", r.error().message);
  return hold;
}

void OpenHolds::end() {
  if (auto r = group_.unguard_all(); !r) log::debug("fanotify: {}", r.error().message);
  const std::lock_guard lock(mutex_);
  let_go();
  held_ = false;
  moved_.notify_all();
}

// --- the thread ---

void OpenHolds::run() {
  name_this_thread("lm-holds");
  while (wait()) {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return !held_ || ending_; });
    if (ending_) return;
    let_go();
  }
}

// False at the end. A group that is closed has nothing to tell.
bool OpenHolds::wait() {
  std::array<pollfd, 2> ready{pollfd{-1, POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
  {
    const std::lock_guard lock(mutex_);
    ready[0].fd = group_.fd();
  }
  return ::poll(ready.data(), ready.size(), -1) >= 0 || errno == EINTR;
}

// Without the group nobody is held any more.
void OpenHolds::let_go() {
  while (group_.fd() >= 0) {
    const auto read = group_.read();
    if (!read) {
      log::error("fanotify: {}; opens may fail while a file is evicted", read.error().message);
      return group_.close();
    }
    if (read->events.empty() && read->failed == 0) return;
    for (const Event& event : read->events) (void)group_.answer(event.fd.get(), 0);
  }
}

}  // namespace lazymirror::fanotify
