// SPDX-License-Identifier: Apache-2.0
#include "http/network_loop.h"

#include <algorithm>

#include "base/log.h"
#include "base/units.h"
#include "http/easy_setup.h"
#include "http/network_job.h"
#include "http/status.h"

namespace lazymirror {
namespace {

constexpr std::size_t kMaxIdleHandles = 64;
// An attempt that brought this much was worth it: failures before are forgiven.
constexpr std::uint64_t kRealProgress = 64 * 1024;
constexpr Duration kLongestWait{60'000};
// How soon it is noticed that somebody waits for what stands back.
constexpr Duration kLookAgain{50};

SteadyTime now() { return std::chrono::steady_clock::now(); }

std::string host_key(const Url& url) { return url.host() + ":" + url.port(); }

}  // namespace

NetworkLoop::NetworkLoop(const OriginOptions& options, OriginFacts& facts)
    : options_(options),
      facts_(facts),
      random_(std::random_device{}()),
      rate_(options.bandwidth_limit) {
  policy_.retries = options.retries;
  policy_.base = options.retry_delay;
  if (auto proxies = ProxyChoice::parse(options.proxy)) proxies_ = std::move(*proxies);
}

NetworkLoop::~NetworkLoop() = default;

Result<> NetworkLoop::open() {
  multi_.reset(curl_multi_init());
  if (!multi_) return fail(Errc::internal, "libcurl could not be set up");
  const long connections = static_cast<long>(options_.connections);
  curl_multi_setopt(multi_.get(), CURLMOPT_MAX_HOST_CONNECTIONS, connections);
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, 2 * connections);
  curl_multi_setopt(multi_.get(), CURLMOPT_MAX_CONCURRENT_STREAMS,
                    static_cast<long>(options_.streams));
  curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
  return {};
}

void NetworkLoop::wake() { curl_multi_wakeup(multi_.get()); }

void NetworkLoop::add(TransferId id, std::unique_ptr<Transfer> transfer, SteadyTime deadline) {
  auto job = std::make_unique<Job>(*this, id, std::move(transfer), deadline);
  Job& added = *jobs_.emplace(id, std::move(job)).first->second;
  if (offline_) return fail_offline(added);
  set_alarm(added, deadline);
  start_or_wait(added);
}

void NetworkLoop::cancel(TransferId id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end()) return;
  Job& job = *found->second;
  finish(job, fail(job.transfer->refusal({Errc::cancelled, "cancelled", 0})));
}

void NetworkLoop::cancel_all() {
  while (!jobs_.empty()) cancel(jobs_.begin()->first);
}

void NetworkLoop::turn() {
  let_go_on();
  int running = 0;
  curl_multi_perform(multi_.get(), &running);
  look_for_room();
  reap();
  fire_alarms();
  start_waiting();
  curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(until_next_alarm().count()), nullptr);
}

// --- bandwidth ---------------------------------------------------------------

// Only what has a connection of its own can be held up for long without holding
// up others.
bool NetworkLoop::must_stand_back(const Job& job) const {
  if (!job.apart || job.transfer->is_urgent()) return false;
  return std::any_of(jobs_.begin(), jobs_.end(), [](const auto& entry) {
    return entry.second->easy && entry.second->transfer->is_urgent();
  });
}

// Bytes that are not read stay with the kernel, and TCP slows the server down.
bool NetworkLoop::hold_up(Job& job) {
  if (!rate_.is_set()) return false;
  if (rate_.wait(now()) == Duration{0} && !must_stand_back(job)) return false;
  held_up_.push_back(job.id);
  return true;
}

// libcurl may hand over the bytes that it kept before curl_easy_pause(3)
// returns; the job can then be held up again, or end.
void NetworkLoop::let_go_on() {
  for (std::size_t n = held_up_.size(); n > 0 && !held_up_.empty(); --n) {
    if (rate_.wait(now()) > Duration{0}) return;
    const TransferId id = held_up_.front();
    held_up_.pop_front();
    Job& job = *jobs_.at(id);
    if (must_stand_back(job)) {
      held_up_.push_back(id);
      continue;
    }
    const CURLcode code = curl_easy_pause(job.easy.get(), CURLPAUSE_CONT);
    if (code != CURLE_OK) attempt_ended(job, code);
  }
}

// --- attempts ---------------------------------------------------------------

void NetworkLoop::start_or_wait(Job& job) {
  if (job.end_of_patience() <= now()) return alarm_rang(job, now());
  Host& host = hosts_[host_key(job.location)];
  if (host.quiet_until <= now()) {
    if (host.active < limit_of(host)) return start(job, host);
    set_alarm(job, job.end_of_patience());
    return host.waiting.push_back(job.id);
  }
  if (host.quiet_until >= job.end_of_patience()) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(host.quiet_until - now());
    return finish(job, fail(job.transfer->refusal(
                           {Errc::unreachable,
                            "the server asks to be left alone for " + format_duration(left), 0})));
  }
  // Those who waited together do not return together.
  const auto jitter = std::chrono::duration_cast<Duration>(options_.retry_delay * random());
  wait_until(job, host.quiet_until + jitter);
}

unsigned NetworkLoop::full_limit_of(const Host& host) const {
  if (!host.http2) return options_.connections;
  return host.room.of(options_.connections, std::max(options_.streams, options_.connections));
}

unsigned NetworkLoop::limit_of(const Host& host) const {
  return host.limit.of(full_limit_of(host));
}

void NetworkLoop::look_for_room() {
  for (auto& [key, host] : hosts_) {
    if (host.http2) host.room.look(now());
  }
}

void NetworkLoop::start_waiting() {
  for (auto it = hosts_.begin(); it != hosts_.end();) {
    Host& host = it->second;
    // A host that is quiet sends them away again, each with an alarm of its own.
    while (!host.waiting.empty() && host.active < limit_of(host)) {
      const auto job = jobs_.find(host.waiting.front());
      host.waiting.pop_front();
      if (job != jobs_.end()) start_or_wait(*job->second);
    }
    it = is_idle(host) ? hosts_.erase(it) : std::next(it);
  }
}

void NetworkLoop::start(Job& job, Host& host) {
  job.attempt = {};
  job.attempt.progress_before = job.transfer->progress();
  job.error_text[0] = '\0';
  job.easy = take_handle();
  CURLcode code = CURLE_FAILED_INIT;
  if (CURL* const easy = job.easy.get()) {
    Ask ask = job.transfer->ask();
    // One connection is left to all the short ones.
    ask.apart = job.apart = ask.apart && host.apart + 1 < options_.connections;
    const Way way = way_to(job, host);
    job.attempt.proxy = way.proxy;
    code = prepare_easy(easy, options_, job.location, ask, way, job.headers);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &job);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, &job);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &NetworkLoop::on_request);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, job.error_text.data());
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &job);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &NetworkLoop::on_write);
    if (code == CURLE_OK && curl_multi_add_handle(multi_.get(), easy) != CURLM_OK) {
      code = CURLE_FAILED_INIT;
    }
  }
  if (code == CURLE_OK) {
    job.host = &host;
    ++host.active;
    if (job.apart) {
      ++host.apart;
    } else {
      host.room.handed_over();
    }
    return;
  }
  job.easy.reset();
  finish(job, fail(job.transfer->refusal(transport_failure(code, {}).error)));
}

void NetworkLoop::wait_until(Job& job, SteadyTime when) {
  job.resume = when;
  set_alarm(job, std::min(when, job.end_of_patience()));
}

EasyHandle NetworkLoop::take_handle() {
  if (idle_.empty()) return EasyHandle(curl_easy_init());
  EasyHandle easy = std::move(idle_.back());
  idle_.pop_back();
  return easy;
}

void NetworkLoop::stop_attempt(Job& job) {
  if (!job.easy) return;
  std::erase(held_up_, job.id);
  Host& host = *std::exchange(job.host, nullptr);
  --host.active;
  const bool sent = std::exchange(job.sent, false);
  if (std::exchange(job.apart, false)) {
    --host.apart;
  } else {
    host.room.ended(sent);
  }
  curl_multi_remove_handle(multi_.get(), job.easy.get());
  curl_easy_reset(job.easy.get());
  // With HTTP/2, libcurl 7.88 can leave a handle its receive buffer, and then
  // refuses to change the size for the next attempt. Such a handle is not kept.
  const bool clean = curl_easy_setopt(job.easy.get(), CURLOPT_BUFFERSIZE, 16384L) == CURLE_OK;
  if (clean && idle_.size() < kMaxIdleHandles) idle_.push_back(std::move(job.easy));
  job.easy.reset();
  job.headers.reset();
  job.attempt.last_byte.reset();
}

// The job is gone before its owner hears of it.
void NetworkLoop::finish(Job& job, Result<> result) {
  stop_attempt(job);
  alarms_.erase({job.alarm, job.id});
  const std::unique_ptr<Transfer> transfer = std::move(job.transfer);
  jobs_.erase(job.id);
  const bool no_answer =
      !result && (result.error().code == Errc::unreachable || result.error().code == Errc::timeout);
  if (offline_) {
    // Nobody was asked.
  } else if (no_answer) {
    facts_.failed(result.error().message);
  } else if (result || result.error().code != Errc::cancelled) {
    facts_.succeeded();
  }
  transfer->end(std::move(result));
}

// --- answers ----------------------------------------------------------------

void NetworkLoop::reap() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    void* job = nullptr;
    const CURLcode code = message->data.result;  // the message dies with the handle's removal
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &job);
    attempt_ended(*static_cast<Job*>(job), code);
  }
}

void NetworkLoop::attempt_ended(Job& job, CURLcode code) {
  Job::Attempt& attempt = job.attempt;
  if (code == CURLE_OK && !attempt.judged) judge(job);  // an answer without a body
  job.reached_nobody = reached_nobody(job, code);
  if (code == CURLE_OPERATION_TIMEDOUT && !job.reached_nobody) job.host->doubted = now();
  stop_attempt(job);
  if (attempt.refused) return finish(job, fail(std::move(*attempt.refused)));
  if (attempt.transient)
    return retry_or_fail(job, std::move(*attempt.transient), attempt.retry_after);
  // A body that is of no interest, or no more, may end as it likes.
  const bool heard = attempt.judged && (attempt.use == BodyUse::skip || job.transfer->has_all());
  if (code == CURLE_OK || heard) return advance(job);
  const TransportFailure failure = transport_failure(code, job.error_text.data());
  if (job.reached_nobody) return try_to_reach(job, failure.error);
  if (failure.transient) return retry_or_fail(job, failure.error, {});
  finish(job, fail(job.transfer->refusal(failure.error)));
}

void NetworkLoop::advance(Job& job) {
  if (job.attempt.answered) return finish(job, {});
  if (job.attempt.redirect) {
    job.location = std::move(*job.attempt.redirect);
    return start_or_wait(job);
  }
  const auto step = job.transfer->on_complete();
  if (!step) return finish(job, fail(step.error()));
  switch (*step) {
    case Step::done: return finish(job, {});
    case Step::incomplete:
      return retry_or_fail(job, {Errc::unreachable, "the answer broke off early", 0}, {});
    case Step::again:
    case Step::follow: return start_or_wait(job);
  }
}

// --- retries and time -------------------------------------------------------

void NetworkLoop::retry_or_fail(Job& job, Error reason, std::optional<Duration> retry_after) {
  const std::uint64_t brought = job.transfer->progress() - job.attempt.progress_before;
  const bool worth_it = brought >= kRealProgress;
  if (worth_it) job.tries = 0;
  ++job.tries;
  if (job.tries > 1) reason.message += ", tried " + std::to_string(job.tries) + " times";
  job.last_error = reason;
  auto delay = retry_delay(policy_, job.tries, retry_after, random());
  if (worth_it) delay = Duration{0};
  if (retry_after) {
    hosts_[host_key(job.location)].quiet_until =
        now() + std::min(*retry_after, policy_.max_retry_after);
  }
  // Resuming stays with the mirror that has served so far; a fresh start asks
  // the origin for another one.
  if (brought == 0) job.location = job.transfer->url();
  job.hops = 0;
  if (!delay || !job.transfer->can_retry() || now() + *delay >= job.end_of_patience()) {
    return finish(job, fail(job.transfer->refusal(std::move(reason))));
  }
  log::debug("http: {}, again in {} ms", job.transfer->refusal(reason).message, delay->count());
  wait_until(job, now() + *delay);
}

void NetworkLoop::fire_alarms() {
  while (!alarms_.empty() && alarms_.begin()->first <= now()) {
    alarm_rang(*jobs_.at(alarms_.begin()->second), now());
  }
}

void NetworkLoop::alarm_rang(Job& job, SteadyTime time) {
  const SteadyTime end = job.end_of_patience();
  if (end <= time) {
    std::string reason = job.last_progress ? "the transfer stood still" : "no answer in time";
    if (job.last_error) reason += " (before that: " + job.last_error->message + ")";
    return finish(job, fail(job.transfer->refusal({Errc::timeout, std::move(reason), 0})));
  }
  if (!job.easy) {
    set_alarm(job, end);
    return start_or_wait(job);
  }
  if (std::find(held_up_.begin(), held_up_.end(), job.id) != held_up_.end()) {
    job.attempt.last_byte = job.last_progress = time;  // it is us who keep it waiting
  }
  const SteadyTime next = job.next_check(options_.low_speed_time);
  if (next > time) return set_alarm(job, next);
  job.host->doubted = time;
  stop_attempt(job);
  retry_or_fail(job, {Errc::timeout, "the server stopped sending", 0}, {});
}

void NetworkLoop::set_alarm(Job& job, SteadyTime when) {
  alarms_.erase({job.alarm, job.id});
  job.alarm = when;
  alarms_.emplace(when, job.id);
}

Duration NetworkLoop::until_next_alarm() {
  const Duration longest =
      held_up_.empty() ? kLongestWait : std::clamp(rate_.wait(now()), Duration{1}, kLookAgain);
  if (alarms_.empty()) return longest;
  const auto left = std::chrono::ceil<Duration>(alarms_.begin()->first - now());
  return std::clamp(left, Duration{0}, longest);
}

double NetworkLoop::random() { return std::uniform_real_distribution<double>(0, 1)(random_); }

}  // namespace lazymirror
