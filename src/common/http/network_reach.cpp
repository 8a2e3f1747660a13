// SPDX-License-Identifier: Apache-2.0
//
// The part of the network loop for when nobody is there: offline, an origin or
// a proxy that cannot be reached, connections that died unnoticed.

#include <cerrno>
#include <limits>

#include "base/log.h"
#include "http/network_job.h"
#include "http/network_loop.h"
#include "http/status.h"

namespace lazymirror {
namespace {

// Who comes back is not to be kept waiting.
constexpr Duration kLongestAway{2'000};
// libcurl keeps no connection that is idle for longer.
constexpr Duration kDoubted{120'000};

SteadyTime now() { return std::chrono::steady_clock::now(); }

}  // namespace

void NetworkLoop::set_offline(bool offline) {
  offline_ = offline;
  while (offline_ && !jobs_.empty()) fail_offline(*jobs_.begin()->second);
}

void NetworkLoop::fail_offline(Job& job) {
  finish(job, fail(job.transfer->refusal(
                  {Errc::unreachable, "lazymirror is offline, as it was told to be (ENETUNREACH)",
                   ENETUNREACH})));
}

bool NetworkLoop::is_idle(const Host& host) {
  const SteadyTime time = now();
  return host.active == 0 && host.waiting.empty() && host.quiet_until <= time &&
         !host.limit.reduced() && !host.http2 && (!host.doubted || time - *host.doubted > kDoubted);
}

Way NetworkLoop::way_to(const Job& job, const Host& host) const {
  const SteadyTime time = now();
  Way way;
  way.proxy = proxies_.current(time);
  if (host.doubted) way.newer_than = std::chrono::duration_cast<Duration>(time - *host.doubted);
  way.look_up_again = job.reached_nobody;
  return way;
}

// A timeout in which no connection was made is one without contact, too.
bool NetworkLoop::reached_nobody(const Job& job, CURLcode code) {
  if (is_without_contact(code)) return true;
  if (code != CURLE_OPERATION_TIMEDOUT) return false;
  curl_off_t connected_us = 0;
  curl_easy_getinfo(job.easy.get(), CURLINFO_CONNECT_TIME_T, &connected_us);
  return connected_us == 0;
}

// Another proxy may know the way: to ask it is no retry. Otherwise the patient
// go on until their deadline.
void NetworkLoop::try_to_reach(Job& job, Error reason) {
  if (job.attempt.proxy && proxies_.failed(*job.attempt.proxy, now())) {
    log::warn("http: {}; the next proxy is asked", job.transfer->refusal(reason).message);
    return start_or_wait(job);
  }
  if (job.location.same_origin(options_.base)) facts_.set_away(true);  // not a mirror it names
  if (!job.transfer->is_patient() || !job.transfer->can_retry()) {
    return retry_or_fail(job, std::move(reason), {});
  }
  ++job.tries;
  job.last_error = std::move(reason);
  job.location = job.transfer->url();
  job.hops = 0;
  const RetryPolicy patient{std::numeric_limits<unsigned>::max(), policy_.base, kLongestAway,
                            policy_.max_retry_after};
  wait_until(job, now() + *retry_delay(patient, job.tries, {}, random()));
}

}  // namespace lazymirror
