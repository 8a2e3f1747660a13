// SPDX-License-Identifier: Apache-2.0
//
// Carries transfers out: attempts over libcurl's multi interface, redirects,
// retries, waits that a server asked for, and deadlines.
//
// Threads: everything on the one network thread, but wake(). Sinks and
// completions are called from turn() and cancel(); they may hand new transfers
// to the origin, which queues them, so nothing here is re-entered.
#pragma once

#include <deque>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "http/curl_handles.h"
#include "http/curl_origin.h"
#include "http/easy_setup.h"
#include "http/host_limit.h"
#include "http/origin_facts.h"
#include "http/proxy_choice.h"
#include "http/rate_limit.h"
#include "http/retry_policy.h"
#include "http/stream_room.h"
#include "http/transfer.h"

namespace lazymirror {

class NetworkLoop {
 public:
  // Both outlive the loop.
  NetworkLoop(const OriginOptions& options, OriginFacts& facts);
  ~NetworkLoop();  // REQUIRES: cancel_all() has been called
  NetworkLoop(const NetworkLoop&) = delete;
  NetworkLoop& operator=(const NetworkLoop&) = delete;

  [[nodiscard]] Result<> open();

  void add(TransferId id, std::unique_ptr<Transfer> transfer, SteadyTime deadline);
  void cancel(TransferId id);
  void cancel_all();
  // As Origin::set_offline() and set_proxy().
  void set_offline(bool offline);
  void set_proxies(ProxyChoice proxies) { proxies_ = std::move(proxies); }
  // The options have another one now.
  void follow_bandwidth_limit() { rate_ = RateLimit(options_.bandwidth_limit); }
  // Does what is due, then waits until there is more or wake() is called.
  void turn();
  void wake();  // any thread

 private:
  struct Job;
  // Attempts at one host. Those over the limit wait here and not in libcurl:
  // when several of its transfers end at once, 7.88 can leave waiting ones
  // asleep although connections are idle.
  struct Host {
    unsigned active = 0;
    unsigned apart = 0;  // of them: on connections of their own
    bool http2 = false;
    HostLimit limit;
    StreamRoom room;           // of those that are not apart
    SteadyTime quiet_until{};  // Retry-After
    // A connection died in silence: those that are older may have, too (the
    // machine slept, its address changed).
    std::optional<SteadyTime> doubted{};
    std::deque<TransferId> waiting;
  };

  void start(Job& job, Host& host);
  void start_waiting();
  void look_for_room();
  [[nodiscard]] unsigned full_limit_of(const Host& host) const;
  [[nodiscard]] unsigned limit_of(const Host& host) const;
  void note_mood(Job& job, long status);
  void start_or_wait(Job& job);
  void wait_until(Job& job, SteadyTime when);
  void stop_attempt(Job& job);
  void finish(Job& job, Result<> result);
  EasyHandle take_handle();

  static int on_request(void* job, char*, char*, int, int);
  static std::size_t on_write(char* data, std::size_t size, std::size_t count, void* job);
  std::size_t write(Job& job, std::span<const std::byte> bytes);
  void judge(Job& job);
  void judge_redirect(Job& job, const ResponseHead& head);

  void reap();
  void attempt_ended(Job& job, CURLcode code);
  void advance(Job& job);
  void retry_or_fail(Job& job, Error reason, std::optional<Duration> retry_after);
  // Nobody there: network_reach.cpp.
  [[nodiscard]] Way way_to(const Job& job, const Host& host) const;
  [[nodiscard]] static bool reached_nobody(const Job& job, CURLcode code);
  void try_to_reach(Job& job, Error reason);
  void fail_offline(Job& job);
  [[nodiscard]] static bool is_idle(const Host& host);
  void fire_alarms();
  void alarm_rang(Job& job, SteadyTime now);
  void set_alarm(Job& job, SteadyTime when);
  [[nodiscard]] Duration until_next_alarm();
  [[nodiscard]] double random();
  // Bandwidth: whoever must wait is paused, and goes on in the order of that.
  [[nodiscard]] bool must_stand_back(const Job& job) const;
  bool hold_up(Job& job);
  void let_go_on();

  const OriginOptions& options_;
  OriginFacts& facts_;
  RetryPolicy policy_;
  ProxyChoice proxies_;
  bool offline_ = false;
  MultiHandle multi_;
  std::unordered_map<TransferId, std::unique_ptr<Job>> jobs_;
  std::set<std::pair<SteadyTime, TransferId>> alarms_;  // one per job
  std::unordered_map<std::string, Host> hosts_;         // by host:port
  std::vector<EasyHandle> idle_;
  std::minstd_rand random_;
  RateLimit rate_;
  std::deque<TransferId> held_up_;  // each once
};

}  // namespace lazymirror
