// SPDX-License-Identifier: Apache-2.0
//
// The keeper's loop: forwards events and caught walks to the worker, gives the
// answers to the kernel, keeps a worker alive. What is unanswered when a worker
// dies is sent again to the next one; what waits longer than the timeout and a
// grace is denied, so that nobody is stuck whatever the worker does.
//
// One thread; poll(2) over the group, the traps, the channel, signals, the
// worker's pidfd and a timer. Never blocks, never touches the cache.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/group.h"
#include "fanotify/outstanding.h"
#include "fanotify/traps.h"
#include "fanotify/wire.h"
#include "fanotify/worker_health.h"
#include "fanotify/worker_process.h"

namespace lazymirror::fanotify {

struct KeeperTimes {
  Duration timeout{60'000};  // of a reader
  Duration grace{5'000};     // for the worker to say so itself
  Duration stop{10'000};     // for the worker to end
  WorkerHealth::Times health{};
};

// What the keeper does through others, each on its own thread.
struct KeeperParts {
  std::function<Result<WorkerProcess>(bool first, const TrapHandles& traps)> start_worker;
  // The first worker is ready: shows the view, closed. Null: no traps here.
  std::function<Result<std::unique_ptr<Traps>>()> show;
  // All traps asked for until now are set: lets people in.
  std::function<Result<>()> open;
  std::function<void()> hide;
  std::function<void()> beat;    // about every second, as long as the loop goes round; or null
  std::function<void()> hangup;  // what SIGHUP asks for; null: the end, as any other signal
  std::size_t max_traps = 1'000;
};

class Keeper {
 public:
  // `signals`: a signalfd(2); each signal it tells ends the loop, a second one
  // at once.
  Keeper(Group& group, UniqueFd signals, KeeperTimes times, KeeperParts parts);

  // Runs to the end: nothing is shown and the group is silent afterwards, but
  // not closed. The error is why it could not go on.
  Result<> run();

 private:
  enum class State { starting, serving, stopping, done };
  // Carried out in the order of arrival: the traps below a directory are set
  // before its own is taken away and walkers go on.
  struct TrapOrder {
    std::uint64_t entry;
    std::optional<std::string> path;  // nothing: take it away
    int error = 0;                    // then: what walkers get
  };

  // the loop
  void wait();
  void take_signals();
  void take_events();
  void take_walks();
  void take_messages();
  void look_after_time();
  void tidy(SteadyTime now);
  // How many more events it can take.
  [[nodiscard]] std::size_t room() const;
  void pause(Ticket ticket);

  // messages of the worker
  void handle(ToKeeper message);
  void finish(Ticket ticket, int error);
  void finish_walk(std::uint64_t entry, int error);
  void carry_out(TrapOrder order);
  void tell_of_trap(ToWorker::Kind kind, std::uint64_t entry, int error = 0);
  void carry_out_trap_orders();
  void carry_out_last_orders();
  [[nodiscard]] bool set_trap(const TrapOrder& order);
  [[nodiscard]] int try_trap(const TrapOrder& order);
  [[nodiscard]] bool hand_over(std::uint64_t device, int control);
  void show();
  void open();
  void worker_failed(ToKeeper message);

  // the worker's life
  void start_worker();
  void take_death();
  void send(const ToWorker& message) { outbox_.push_back(message); }
  void flush();
  void deny_overdue();

  // the end
  void begin_stop(Result<> why);
  void deny_everything();

  Group& group_;
  UniqueFd signals_;
  KeeperTimes times_;
  KeeperParts parts_;
  SystemClock clock_;

  State state_ = State::starting;
  Result<> outcome_;
  SteadyTime stop_deadline_{}, next_tidy_{};
  std::optional<SteadyTime> paused_until_;
  Outstanding outstanding_;
  std::unique_ptr<Traps> traps_;
  std::deque<TrapOrder> trap_orders_;
  bool is_open_ = false;
  std::unique_ptr<WorkerProcess> worker_;
  WorkerHealth health_;
  std::deque<ToWorker> outbox_;
  bool channel_full_ = false;
};

}  // namespace lazymirror::fanotify
