// SPDX-License-Identifier: Apache-2.0
#include "fanotify/quiet_files.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "fanotify/descriptor_message.h"
#include "fanotify/invisible_io.h"
#include "fanotify/stamped.h"

namespace lazymirror::fanotify {
namespace {

// The keeper answers at once, unless the machine is paused or has no processor for
// it; after one answer that did not come no times are kept any more.
constexpr int kPatienceMs = 10'000;

Failure no_answer() {
  return fail(Errc::unreachable, "the keeper does not open files for the worker");
}

}  // namespace

Result<std::pair<UniqueFd, UniqueFd>> make_quiet_pair() {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "cannot make the pair of sockets that files are opened over");
  }
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

// After a question without an answer the next answer would be the wrong one, and
// what the file system cannot do for one file it cannot for any: then nothing
// more is asked.
Result<UniqueFd> QuietOpener::open(int file) {
  const std::lock_guard lock(mutex_);
  if (!socket_.valid()) return no_answer();
  auto answer = send_with_descriptor(socket_.get(), 0, file) ? receive() : std::nullopt;
  if (!answer || !receive()) {
    socket_.reset();
    return no_answer();
  }
  if (answer->fd.valid()) return std::move(answer->fd);
  if (answer->value == EOPNOTSUPP) socket_.reset();
  return fail_errno(answer->value, "cannot open a file for invisible I/O");
}

std::optional<DescriptorMessage> QuietOpener::receive() const {
  pollfd answered{socket_.get(), POLLIN, 0};
  if (::poll(&answered, 1, kPatienceMs) != 1) return std::nullopt;
  return receive_with_descriptor(socket_.get());
}

// The worker may have been taken over by what it parsed: nothing but files of
// its cache is ever opened for it.
Result<UniqueFd> QuietServer::open(int file) const {
  if (is_stamped(file) != Stamped::yes) return fail_errno(EPERM, "it is no file of the cache");
  return open_invisibly(directory_, file);
}

bool QuietServer::answer() const {
  const auto question = receive_with_descriptor(socket_.get());
  if (!question) return false;
  const auto fd = open(question->fd.get());
  const int error = fd ? 0 : fd.error().os_errno != 0 ? fd.error().os_errno : EOPNOTSUPP;
  return send_with_descriptor(socket_.get(), error, fd ? fd->get() : -1);
}

void QuietServer::serve() {
  while (answer() && send_with_descriptor(socket_.get(), 0, -1)) {
  }
  // The end that a worker has closed would wake the keeper for ever.
  pollfd closed{socket_.get(), 0, 0};
  if (::poll(&closed, 1, 0) == 1) socket_.reset();
}

}  // namespace lazymirror::fanotify
