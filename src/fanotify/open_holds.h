// SPDX-License-Identifier: Apache-2.0
//
// Opens of a file that is being evicted wait, where the watch does not ask for
// opens (XFS; elsewhere see event_pauses.h). Who opens with O_NONBLOCK, as
// tar(1) does, would be refused by the lease under which it is evicted.
//
// That takes a group of the worker's own. No other process has it, so that the
// kernel lets everybody go on when the worker ends, however it does. It has a
// mark on the file in question for as long as that is held, and nothing that
// is done through the work mount is told. Reading an event opens its file: so
// none is read while a file is held. Who has waited is let go at the end of
// that; who was too late for it, by a thread.
//
// Threads: safe from any thread; one file at a time, others wait for its end.
// Events are read under the lock: no file can be held meanwhile, and with
// O_NONBLOCK reading does not wait.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/group.h"

namespace lazymirror::fanotify {

class OpenHolds : public std::enable_shared_from_this<OpenHolds> {
 public:
  // Takes CAP_SYS_ADMIN. `mount`: any directory on the worker's mount.
  [[nodiscard]] static Result<Group> make_group(int mount);

  [[nodiscard]] static Result<std::shared_ptr<OpenHolds>> start(Group group);
  OpenHolds(Group group, UniqueFd wake);
  ~OpenHolds();

  // Who opens the file of `fd` from now on waits until what is returned goes.
  // Who was earlier is counted as an opener already, and so in a lease's way.
  [[nodiscard]] std::shared_ptr<void> begin(int fd);

 private:
  void end();
  void run();
  [[nodiscard]] bool wait();
  void let_go();

  const UniqueFd wake_;
  std::mutex mutex_;
  std::condition_variable moved_;
  bool held_ = false, ending_ = false;
  Group group_;  // read and closed under the lock, and only while nothing is held
  std::thread thread_;
};

}  // namespace lazymirror::fanotify
