// SPDX-License-Identifier: Apache-2.0
//
// Plays the keeper for a worker under test: forwards the events of a group,
// gives its answers to the kernel, and remembers what the worker said. The test
// may also tell the worker of events that never were.
//
// Threads: safe from any thread; one thread of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "fanotify/group.h"
#include "fanotify/wire.h"

namespace lazymirror::testing {

class TestKeeper {
 public:
  TestKeeper(fanotify::Group& group, fanotify::Channel channel);
  ~TestKeeper();  // hangs up; refuses all who wait

  // Another worker takes over: it is sent all that is unanswered.
  void connect(fanotify::Channel channel);
  void hang_up();
  void stop_worker();

  // An event of the given file; the ticket.
  fanotify::Ticket tell(int fd, std::uint64_t offset, std::uint64_t count,
                        fanotify::Event::Kind kind = fanotify::Event::Kind::read);
  void tell_walk(std::uint64_t entry);
  void ping();
  // What the worker says fills the channel, until read_on().
  void stop_reading();
  void read_on();

  // What the worker answered; nothing if it did not in time.
  std::optional<int> answer_to(fanotify::Ticket ticket);
  [[nodiscard]] bool is_answered(fanotify::Ticket ticket);
  std::optional<int> wait_for_untrap(std::uint64_t entry);           // its error; each counts once
  [[nodiscard]] bool wait_until(const std::function<bool()>& done);  // looked at with each message
  [[nodiscard]] bool wait_until_ready();

  // Read under the lock: inside wait_until(), or by look().
  struct Said {
    bool ready = false;
    std::size_t answers = 0, progress = 0, pongs = 0;
    std::size_t answers_at_progress = 0;         // given when it told of progress last
    std::map<std::uint64_t, std::string> traps;  // that are set
    std::size_t most_traps = 0;
    std::multimap<std::uint64_t, int> untraps;
    std::size_t orders = 0;  // to set a trap; below: those that came before
    std::map<fanotify::Ticket, std::size_t> orders_before_answer;
    std::map<std::uint64_t, std::size_t> orders_before_untrap;  // the first one
    std::size_t events = 0;                                     // that the kernel told of
    std::optional<std::string> end;
  };
  template <typename F>
  auto look(F f) {
    const std::lock_guard lock(mutex_);
    return f(said);
  }
  Said said;
  // Traps at these paths cannot be set.
  std::set<std::string> refused_traps;

 private:
  struct Waiting {
    fanotify::ToWorker message;
    UniqueFd fd;
    bool of_kernel = false;
  };
  void work();
  void take_events();
  void take_messages();
  void handle(const fanotify::ToKeeper& message);
  void handle_answer(const fanotify::ToKeeper& message);
  void send(const fanotify::ToWorker& message, int fd = -1);
  void wake();

  fanotify::Group& group_;
  std::mutex mutex_;
  std::condition_variable moved_;
  std::optional<fanotify::Channel> channel_;
  fanotify::Ticket next_ = 1;
  std::map<fanotify::Ticket, Waiting> waiting_;
  std::map<fanotify::Ticket, int> answers_;
  UniqueFd wake_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> paused_{false};  // the worker holds a lease
  bool reading_ = true;
  std::thread thread_;
};

}  // namespace lazymirror::testing
