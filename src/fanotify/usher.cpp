// SPDX-License-Identifier: Apache-2.0
#include "fanotify/usher.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>
#include <span>

#include "base/file_io.h"
#include "fanotify/descriptor_message.h"

namespace lazymirror::fanotify {
namespace {

constexpr int kPatienceMs = 10'000;

// Both ends may be of different versions: numbers are never given anew.
struct Order {
  enum Kind : std::uint32_t { open_root = 1, drop, end_wait, open_trap, unmount };
  std::uint32_t kind = 0, token = 0;
  std::int32_t error = 0;
  std::uint32_t device = 0;
  std::array<char, PATH_MAX> path{};
};

template <typename T>
bool send(int line, const T& value, int fd, int flags) {
  return send_datagram(line, std::as_bytes(std::span(&value, 1)), fd, flags);
}

// Its descriptor, which may be none; nothing if no such value came.
template <typename T>
std::optional<UniqueFd> receive(int line, T& value) {
  Datagram datagram = receive_datagram(line, std::as_writable_bytes(std::span(&value, 1)), 0);
  if (datagram.size != sizeof value) return std::nullopt;
  return std::move(datagram.fd);
}

Result<UniqueFd> open_root_of(int mount) {
  return open_fd(mount, ".", O_RDONLY | O_DIRECTORY | O_NONBLOCK);
}

void unmount_here(int control) {
  constexpr int kLayers = 2;
  const std::string link = "/proc/self/fd/" + std::to_string(control);
  for (int i = 0; i <= kLayers && ::umount2(link.c_str(), MNT_DETACH) == 0; ++i) {
  }
}

// --- the usher ---

class Usher {
 public:
  Usher(AutofsControl control, TrapEnds& traps) : control_(std::move(control)), traps_(traps) {}

  // What is answered: an errno, and a descriptor where one is wanted.
  Result<UniqueFd> carry_out(const Order& order, UniqueFd fd) {
    switch (order.kind) {
      case Order::open_root: return open_root(fd.get());
      case Order::drop: traps_.drop(order.device); return UniqueFd();
      case Order::end_wait: return done(control_.end_wait(fd.get(), order.token, order.error));
      case Order::open_trap: return control_.open_trap(order.path.data(), order.device);
      case Order::unmount: unmount_here(fd.get()); return UniqueFd();
    }
    return fail_errno(ENOSYS, "an order that is not known");
  }

 private:
  static Result<UniqueFd> done(const Result<>& result) {
    return result ? Result<UniqueFd>(UniqueFd()) : fail(result.error());
  }

  Result<UniqueFd> open_root(int mount) {
    auto root = open_root_of(mount);
    struct stat info {};
    if (!root || ::fstat(root->get(), &info) != 0) return root;
    traps_.hold(info.st_dev, UniqueFd(::fcntl(root->get(), F_DUPFD_CLOEXEC, 0)));
    return root;
  }

  const AutofsControl control_;
  TrapEnds& traps_;
};

}  // namespace

int usher(UniqueFd line, Group& group, TrapEnds traps) {
  auto control = AutofsControl::open();
  if (!control) return 1;
  Usher usher(std::move(*control), traps);
  for (;;) {
    Order order;
    auto fd = receive(line.get(), order);
    if (!fd) break;
    const auto result = usher.carry_out(order, std::move(*fd));
    const std::int32_t error = result ? 0 : result.error().os_errno;
    if (!send(line.get(), error, result ? result->get() : -1, 0)) break;
  }
  traps.end_walks(group);
  return 0;
}

// --- the keeper ---

class TrapHands::LineToUsher {
 public:
  explicit LineToUsher(UniqueFd line) : line_(std::move(line)) {}
  [[nodiscard]] int fd() const { return line_.get(); }

  // Errc::unreachable: lost, and the usher sees the end of it.
  Result<UniqueFd> ask(const Order& order, int fd) {
    std::int32_t error = 0;
    pollfd answered{line_.get(), POLLIN, 0};
    // At most one order is on its way: there is room for it unless the usher is stuck.
    const bool heard =
        send(line_.get(), order, fd, MSG_DONTWAIT) && ::poll(&answered, 1, kPatienceMs) == 1;
    auto received = heard ? receive(line_.get(), error) : std::nullopt;
    if (!received) {
      ::shutdown(line_.get(), SHUT_RDWR);
      return fail(Errc::unreachable, "the process that handles the traps does not answer");
    }
    if (error != 0) return fail_errno(error, "cannot handle a trap");
    return std::move(*received);
  }

 private:
  const UniqueFd line_;
};

TrapHands::TrapHands(AutofsControl control, std::unique_ptr<LineToUsher> usher, pid_t group)
    : control_(std::move(control)), usher_(std::move(usher)), group_(group) {}
TrapHands::TrapHands(TrapHands&&) noexcept = default;
TrapHands::~TrapHands() = default;

int TrapHands::line() const { return usher_ ? usher_->fd() : -1; }

Result<TrapHands> TrapHands::own() {
  auto control = AutofsControl::open();
  if (!control) return fail(control.error());
  return TrapHands(std::move(*control), nullptr, ::getpgrp());
}

Result<TrapHands> TrapHands::of_usher(UniqueFd line, pid_t group) {
  auto control = AutofsControl::open();
  if (!control) return fail(control.error());
  return TrapHands(std::move(*control), std::make_unique<LineToUsher>(std::move(line)), group);
}

Result<UniqueFd> TrapHands::open_root(int mount) const {
  if (are_own()) return open_root_of(mount);
  Order order;
  order.kind = Order::open_root;
  return usher_->ask(order, mount);
}

void TrapHands::drop(std::uint64_t device) const {
  if (are_own()) return;
  Order order;
  order.kind = Order::drop;
  order.device = static_cast<std::uint32_t>(device);
  (void)usher_->ask(order, -1);
}

// Without an usher nobody can be let go but by an error.
Result<> TrapHands::end_wait(int control, std::uint32_t token, int error) const {
  if (are_own()) return control_.end_wait(control, token, error);
  Order order;
  order.kind = Order::end_wait;
  order.token = token;
  order.error = error;
  const auto done = usher_->ask(order, control);
  if (done) return {};
  if (done.error().code == Errc::unreachable) (void)disable(control);
  return fail(done.error());
}

Result<UniqueFd> TrapHands::open_trap(const std::string& path, std::uint32_t device) const {
  if (are_own()) return control_.open_trap(path, device);
  Order order;
  order.kind = Order::open_trap;
  order.device = device;
  if (path.size() >= order.path.size()) return fail(Errc::invalid, path + ": too long");
  std::memcpy(order.path.data(), path.c_str(), path.size() + 1);
  return usher_->ask(order, -1);
}

// Without an usher the trap has to be disabled first: this process would be caught.
void TrapHands::unmount(int control) const {
  if (are_own()) return unmount_here(control);
  Order order;
  order.kind = Order::unmount;
  if (usher_->ask(order, control)) return;
  (void)disable(control);
  unmount_here(control);
}

}  // namespace lazymirror::fanotify
