// SPDX-License-Identifier: Apache-2.0
//
// Opening a file for invisible I/O (invisible_io.h) takes a privilege that the
// worker has not. It shows the keeper a file that it has open, and gets it back
// open for writes that move no times. Each worker has a pair of sockets of its
// own for this, so that no answer reaches the wrong one. The keeper opens only
// files that carry the stamp of a cache. A second message follows each answer
// when its own descriptors of the file are closed: the worker may want a lease
// on it at once.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/descriptor_message.h"

namespace lazymirror::fanotify {

// The worker's side. Safe from any thread.
class QuietOpener {
 public:
  explicit QuietOpener(UniqueFd socket) : socket_(std::move(socket)) {}

  // Blocks for the keeper's answer, each message at most ten seconds; not when the keeper
  // is gone. Errc::unsupported where the file system cannot.
  [[nodiscard]] Result<UniqueFd> open(int file);

 private:
  [[nodiscard]] std::optional<DescriptorMessage> receive() const;

  std::mutex mutex_;  // one question at a time
  UniqueFd socket_;
};

// The keeper's side; of its one thread. Never blocks.
class QuietServer {
 public:
  // `directory`: open on the worker's mount; outlives this.
  QuietServer(UniqueFd socket, int directory) : socket_(std::move(socket)), directory_(directory) {}

  // -1 when nothing will be asked any more.
  [[nodiscard]] int fd() const { return socket_.get(); }
  // Answers what has been asked until now.
  void serve();

 private:
  bool answer() const;  // false: nothing more has been asked
  [[nodiscard]] Result<UniqueFd> open(int file) const;

  UniqueFd socket_;
  int directory_;
};

// keeper's end, worker's end
[[nodiscard]] Result<std::pair<UniqueFd, UniqueFd>> make_quiet_pair();

}  // namespace lazymirror::fanotify
