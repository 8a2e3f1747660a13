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
#include "fanotify/estate.h"
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
  // The first worker is ready: shows the view, closed. Null: no traps here, or
  // those that are taken over, with all that is from another keeper.
  std::function<Result<std::unique_ptr<Traps>>()> show;
  // All traps asked for until now are set: lets people in.
  std::function<Result<>()> open;
  std::function<void()> hide;
  std::function<void()> beat;    // about every second, as long as the loop goes round; or null
  std::function<void()> hangup;  // what SIGHUP asks for; null: the end, as any other signal
  std::size_t max_traps = 1'000;
  bool may_leave = false;  // somebody keeps what is left for another keeper
};

// Of what another keeper has in its hands.
struct Refusal {
  std::function<bool()> is_there;  // it will not be given
  std::function<int()> fd;         // readable when it may be there; -1: it will not be
};

class Keeper {
 public:
  // `signals`: a signalfd(2); each signal it tells ends the loop, a second one
  // at once. SIGUSR1 alone does not: it says that the next one means a restart.
  Keeper(Group& group, UniqueFd signals, KeeperTimes times, KeeperParts parts);

  // Before run(): what another keeper has in its hands until show().
  void take_over(std::unique_ptr<Traps> traps, std::vector<Event> events, Refusal refusal);
  // From then on it is for this one to answer and to unmount. After a run() that
  // has failed before show(): because nobody else is there any more.
  void enter();

  // Runs to the end: nothing is shown and the group is silent afterwards, but
  // not closed. The error is why it could not go on.
  Result<> run();

  // After run(): it ended for a restart. Then all is as it was, but nothing is
  // read from the group and there is no worker.
  [[nodiscard]] bool has_left() const { return has_left_; }
  // Copies of what another keeper needs of it: the traps, the events.
  void copy_to(Estate& estate) const;
  [[nodiscard]] TrapHandles trap_handles() const;
  // The traps are in this process's own hands: they take an usher.
  [[nodiscard]] bool needs_usher() const { return traps_ && !traps_->have_usher(); }
  // Nobody takes it over: nothing is shown and nobody waits afterwards.
  void give_up();
  // The same, where a guard reads from the group: it sees to who is not known here.
  void give_up_to_a_guard();
  // It is in the hands of another process: nothing is taken away here.
  void let_go();

 private:
  enum class State { starting, serving, stopping, done };
  // Carried out in the order of arrival: the traps below a directory are set
  // before its own is taken away and walkers go on, and before who opens it does.
  struct TrapOrder {
    std::uint64_t entry;
    std::optional<std::string> path;  // nothing: take it away
    int error = 0;                    // then: what walkers get
    Ticket opener = 0;                // if not 0, it is not of a trap, but of him: he goes on
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
  void answer(Ticket ticket, int error);
  [[nodiscard]] bool has_to_wait(Ticket ticket) const;
  void finish(Ticket ticket, int error);
  void finish_walk(std::uint64_t entry, int error);
  void carry_out(TrapOrder order);
  void tell_of_trap(ToWorker::Kind kind, std::uint64_t entry, int error = 0);
  void carry_out_trap_orders();
  void carry_out_last_orders();
  [[nodiscard]] bool set_trap(const TrapOrder& order);
  void let_on(const TrapOrder& order);
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
  void expect_restart();
  [[nodiscard]] bool restart_is_expected() const;
  void begin_to_leave();
  [[nodiscard]] bool waits_to_enter() const;
  void take_refusal();
  void deny_outstanding();
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
  bool is_in_charge_ = true;  // not another keeper: only one may read, answer, unmount
  bool has_left_ = false;
  SteadyTime restart_expected_until_{};
  std::vector<Event> inherited_;  // until it is in charge
  Refusal refusal_;
  std::unique_ptr<WorkerProcess> worker_;
  WorkerHealth health_;
  std::deque<ToWorker> outbox_;
  bool channel_full_ = false;
};

}  // namespace lazymirror::fanotify
