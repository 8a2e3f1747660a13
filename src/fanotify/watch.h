// SPDX-License-Identifier: Apache-2.0
//
// A running tree in place: `lazymirror watch`. This process becomes the keeper;
// it forks the worker and forks it again whenever it dies or hangs.
//
//   keeper   small and privileged: mounts, marks, traps; owns the group and the
//            descriptors of events; forwards them. Opens nothing in the tree,
//            parses nothing, knows no network. One thread.
//   worker   the engine and all parsing, networking and filling, without
//            privilege. Holds a copy of the group: if the keeper is killed,
//            readers get EIO, never bytes that are not there.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/engine.h"
#include "fanotify/evictor.h"
#include "fanotify/group.h"

namespace lazymirror::fanotify {

enum class EventChoice { automatic, pre_access, access_perm };

struct WatchOptions {
  std::string cache_directory;  // exists; absolute, without links
  std::string shown_at;         // empty: only in place
  std::string source;           // the origin's URL for messages
  EventChoice events = EventChoice::automatic;
  bool fill_on_open = false;
  std::uint64_t fill_on_open_limit = 0;  // bytes; where filling can be seen: open_rule.h
  bool shared_filesystem = false;
  std::size_t max_traps = 1'000;
  Duration timeout{60'000};  // of a reader
  unsigned threads = 4;      // of the worker, for local disk work
  std::vector<int> kept;     // descriptors that the worker has as well
};

// How reads are noticed, and why so.
struct Mechanism {
  std::string name, reason;
};

// Makes the engine, in the worker. `first`: of this run; later ones must not
// wait for the origin. `lock`: that of the cache. `open_quietly`: for its cache.
using EngineFactory = std::function<Result<std::unique_ptr<Engine>>(
    bool first, std::shared_ptr<const UniqueFd> lock,
    std::function<Result<UniqueFd>(int file)> open_quietly)>;

// A service manager that keeps a descriptor from one run to the next, as long as
// there is to be a next one. All of them, or none.
struct Succession {
  std::function<UniqueFd()> take;        // what an earlier run has left
  std::function<Result<>(int fd)> keep;  // when it returns, this process may end
  std::function<void()> forget;
};

struct WatchParts {
  EngineFactory make_engine;
  // Starts, in the worker, what runs beside the engine (the control socket).
  // Gone before either of them is.
  std::function<Result<std::shared_ptr<void>>(Engine&, Evictor&, const Mechanism&)> companion;
  // In the keeper, once, when the view is shown.
  std::function<Result<>()> ready;
  // In the keeper, each time its loop went round after a second or less.
  std::function<void()> beat;
  // In the keeper, at SIGHUP, where that is not the end. Must not block.
  std::function<void()> hangup;
  // In the keeper. With it, SIGUSR1 before SIGTERM means a restart: the tree stays
  // shown, and who waits waits for the next run.
  Succession succession = {};
};

enum class WatchEnd {
  over,  // nothing is shown any more
  left,  // to the next run
};

// Runs until SIGTERM or SIGINT (and SIGHUP if `hangup_counts`), or until it
// cannot go on. Nothing is left mounted, but for a restart. Errors are sentences for the user.
// REQUIRES: this process has one thread.
[[nodiscard]] Result<WatchEnd> watch(const WatchOptions& options, const WatchParts& parts,
                                     bool hangup_counts);

// Ends what runs on this cache: `lazymirror stop`. Also the worker of a keeper
// that was killed, and the mounts it left. Errc::not_found when nothing runs.
[[nodiscard]] Result<> stop(const std::string& cache_directory, Duration patience);

}  // namespace lazymirror::fanotify
