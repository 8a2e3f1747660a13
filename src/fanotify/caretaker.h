// SPDX-License-Identifier: Apache-2.0
//
// Between two keepers of a restarted service. The keeper that ends forks it; it
// has all that the keeper had but answers nobody: who waits, and who comes,
// waits for the next keeper. Beside it stands a guard, a worker that does
// nothing unless the caretaker is killed; then it denies, as that of any keeper.
//
// The line to it lies with the service manager (FDSTORE of sd_notify(3)), which
// gives it to the next keeper, and lets go of it when none is to come. Over the
// line a keeper asks with a socket of its own; over that it gets the estate, and
// is told when the guard has gone, for its worker is to take the guard's place.
// When that is ready it claims the estate and is told that it is its own. Until
// then everything is as if it had never asked; a keeper that is told that it
// gets nothing ends, or is killed.
//
// There is always one to end what is left: the guard until all is handed over;
// then, if the caretaker is killed, the keeper that has it, or its worker.
//
// Of all processes that have the group only one may read from it, for each knows
// the events it reads by numbers of its own. So the caretaker reads only at the
// end, and not if the worker of a keeper that was killed before it could claim
// guards by then.
//
// Not synchronised.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/estate.h"
#include "fanotify/worker_process.h"

namespace lazymirror::fanotify {

class Caretaker {
 public:
  struct Parts {
    std::function<Result<WorkerProcess>()> start_guard;
    std::function<Estate()> estate;
    std::function<bool()> is_guarded;  // by a worker, or what is left of one
    // For a keeper to come, and then for one to be ready, however many try.
    Duration patience{0};
    Duration ending{5'000};  // of a keeper that is refused, until it is killed
  };
  // `signals`: a signalfd(2), whose SIGTERM and SIGINT end it.
  Caretaker(UniqueFd line, const UniqueFd& signals, Parts parts);

  enum class End {
    taken_over,
    nobody_came,     // it is for the caller to end what the keeper had begun
    another_guards,  // the same, but for events that are not read yet
  };
  [[nodiscard]] End run();

 private:
  enum class Step { go_on, taken_over, over };
  [[nodiscard]] Step step();
  void refuse();
  void wait();
  [[nodiscard]] bool is_told_to_end() const;
  [[nodiscard]] bool stand_guard();
  [[nodiscard]] bool guard_is_dead() const;
  [[nodiscard]] Step look_at_line();
  [[nodiscard]] bool hand_over();
  [[nodiscard]] Step look_at_session();
  [[nodiscard]] Step end_session();

  const UniqueFd line_;
  const UniqueFd& signals_;
  const Parts parts_;
  SystemClock clock_;
  SteadyTime deadline_;
  const SteadyTime last_deadline_;
  std::unique_ptr<WorkerProcess> guard_;
  UniqueFd session_;  // with a keeper that has asked
  UniqueFd asker_;    // that process
};

// A worker of a caretaker.
[[nodiscard]] Result<WorkerEnd> stand_by(const WorkerInside& inside);

// The next keeper's side.
class Heir {
 public:
  // Asks over the line. Errc::unreachable: nobody is there any more. If a guard
  // stands afterwards the caretaker was killed, and the group is the guard's.
  [[nodiscard]] static Result<std::pair<Heir, Estate>> ask(UniqueFd line);
  // Until claim(): whether it is not to be ours, and what can be read when that
  // may have changed, or -1.
  [[nodiscard]] int fd() const;
  [[nodiscard]] bool is_refused();
  // The caretaker was killed: nobody else has it.
  [[nodiscard]] bool is_alone() const;
  // Once, when a worker of ours is there to guard. From then on it is for us to
  // answer, and nobody else has it, be it that the caretaker was killed; at an
  // error it will never be. Then this object is to be the last to go, after our worker.
  Result<> claim(Duration limit = Duration{10'000});

 private:
  Heir(UniqueFd line, UniqueFd session) : line_(std::move(line)), session_(std::move(session)) {}
  UniqueFd line_, session_;
};

}  // namespace lazymirror::fanotify
