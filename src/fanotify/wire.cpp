// SPDX-License-Identifier: Apache-2.0
#include "fanotify/wire.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <type_traits>

#include "fanotify/descriptor_message.h"

namespace lazymirror::fanotify {
namespace {

// Sent as they are; no padding that could tell what was in memory before.
static_assert(std::has_unique_object_representations_v<ToWorker>);

struct Head {
  ToKeeper::Kind kind;
  std::int32_t error;
  Ticket ticket;
  std::uint64_t entry;
};
static_assert(std::has_unique_object_representations_v<Head>);

constexpr std::int32_t kMaxErrno = 4095;

Failure gone() { return fail(Errc::unreachable, "the other end of the channel is gone"); }

Failure send_error(int err) {
  if (err == EPIPE || err == ECONNRESET || err == ENOTCONN) return gone();
  // ETOOMANYREFS: the receiver has to take descriptors out first.
  if (err == EAGAIN || err == ENOBUFS || err == ENOMEM || err == ETOOMANYREFS) {
    return fail(Errc::busy, "the other end of the channel does not keep up");
  }
  return fail_errno(err, "cannot send over the channel");
}

bool is_known(const ToWorker& message) {
  return message.kind <= ToWorker::Kind::paused && message.event <= Event::Kind::open_exec;
}

std::optional<ToKeeper> decode(const Head& head, const char* text, std::size_t size) {
  const bool known = head.kind <= ToKeeper::Kind::resume && head.error >= 0 &&
                     head.error <= kMaxErrno && std::memchr(text, '\0', size) == nullptr;
  if (!known) return std::nullopt;
  return ToKeeper{head.kind, head.error, head.ticket, head.entry, std::string(text, size)};
}

void wait_until(int fd, short events) {
  pollfd wanted{fd, events, 0};
  (void)::poll(&wanted, 1, -1);
}

}  // namespace

ToKeeper failure_message(const Error& error) {
  ToKeeper message;
  message.kind = ToKeeper::Kind::failed;
  message.error = static_cast<std::int32_t>(error.code);
  message.text = error.message.substr(0, kMaxText);
  return message;
}

Error failure_in(ToKeeper message) {
  const bool known = message.error <= static_cast<std::int32_t>(Errc::internal);
  return {known ? static_cast<Errc>(message.error) : Errc::internal, std::move(message.text), 0};
}

Result<std::pair<Channel, Channel>> Channel::make_pair() {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "cannot make the channel between keeper and worker");
  }
  return std::pair(Channel(UniqueFd(ends[0])), Channel(UniqueFd(ends[1])));
}

Result<> Channel::send(const ToWorker& message, int fd) {
  if (send_datagram(fd_.get(), std::as_bytes(std::span(&message, 1)), fd, MSG_DONTWAIT)) return {};
  return send_error(errno);
}

Result<std::optional<ToKeeper>> Channel::receive_from_worker() {
  Head head;
  std::array<char, kMaxText> text;
  std::array<iovec, 2> parts{iovec{&head, sizeof head}, iovec{text.data(), text.size()}};
  msghdr header{};
  header.msg_iov = parts.data();
  header.msg_iovlen = parts.size();
  ssize_t size = 0;
  // ECONNRESET: it died with messages unread; what it sent is still to come.
  while ((size = ::recvmsg(fd_.get(), &header, MSG_DONTWAIT)) < 0) {
    if (errno == EAGAIN) return std::nullopt;
    if (errno != EINTR && errno != ECONNRESET) {
      return fail_errno(errno, "cannot receive from the worker");
    }
  }
  if (size == 0) return gone();
  if (static_cast<std::size_t>(size) >= sizeof head &&
      (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0) {
    auto message = decode(head, text.data(), static_cast<std::size_t>(size) - sizeof head);
    if (message) return message;
  }
  return fail(Errc::bad_reply, "the worker sent what is no message");
}

Result<> Channel::send(const ToKeeper& message) {
  Head head{message.kind, message.error, message.ticket, message.entry};
  std::string text = message.text.substr(0, kMaxText);
  std::array<iovec, 2> parts{iovec{&head, sizeof head}, iovec{text.data(), text.size()}};
  msghdr header{};
  header.msg_iov = parts.data();
  header.msg_iovlen = parts.size();
  while (::sendmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    Failure failed = send_error(errno);
    if (failed.value().code != Errc::busy) return failed;
    wait_until(fd_.get(), POLLOUT);
  }
  return {};
}

Result<Channel::Received> Channel::receive_from_keeper() {
  Received received;
  auto bytes = std::as_writable_bytes(std::span(&received.message, 1));
  Datagram datagram = receive_datagram(fd_.get(), bytes, 0);
  if (datagram.size == 0 || (datagram.size < 0 && errno == ECONNRESET)) return gone();
  if (datagram.size < 0) return fail_errno(errno, "cannot receive from the keeper");
  received.fd = std::move(datagram.fd);
  if (datagram.size != sizeof received.message || !is_known(received.message)) {
    return fail(Errc::bad_reply, "the keeper sent what is no message");
  }
  return received;
}

}  // namespace lazymirror::fanotify
