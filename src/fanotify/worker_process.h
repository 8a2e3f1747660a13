// SPDX-License-Identifier: Apache-2.0
//
// One worker: forked from the keeper, moved into the work mount's namespace,
// stripped of privileges and of the keeper's descriptors, then running the
// engine. It outlives a keeper that is killed, as the guard of its readers.
//
// Not synchronised. Killed and reaped with the object.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "fanotify/forked_child.h"
#include "fanotify/group.h"
#include "fanotify/open_holds.h"
#include "fanotify/quiet_files.h"
#include "fanotify/wire.h"
#include "fanotify/work_mount.h"
#include "fanotify/worker.h"

namespace lazymirror::fanotify {

// What the worker runs, all of it: when it returns, nothing is left running and
// what it held of the cache is released. An error is told to the keeper.
struct WorkerInside {
  Channel& channel;
  Group& group;
  TrapEnds& trap_ends;
  std::shared_ptr<QuietOpener> files;
  std::shared_ptr<OpenHolds> holds;  // may be null
  bool first;                        // no worker of this run has been ready yet
};
using WorkerBody = std::function<Result<WorkerEnd>(const WorkerInside& inside)>;

struct WorkerPlace {
  const WorkMount* mount = nullptr;
  Group* group = nullptr;
  std::string cache_directory;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<int> kept;   // descriptors that the body needs; all others are closed
  bool asks_opens = true;  // of the group; else it gets another for them
};

class WorkerProcess {
 public:
  [[nodiscard]] static Result<WorkerProcess> start(const WorkerPlace& place, const WorkerBody& body,
                                                   bool first, const TrapHandles& traps);
  // One that has been started in another way.
  WorkerProcess(Channel channel, QuietServer files, ForkedChild child)
      : channel_(std::move(channel)), files_(std::move(files)), child_(std::move(child)) {}

  [[nodiscard]] Channel& channel() { return channel_; }
  [[nodiscard]] QuietServer& files() { return files_; }
  [[nodiscard]] int pidfd() const { return child_.pidfd(); }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  void kill();
  std::string reap() { return child_.reap(); }

 private:
  Channel channel_;
  QuietServer files_;
  ForkedChild child_;
};

}  // namespace lazymirror::fanotify
