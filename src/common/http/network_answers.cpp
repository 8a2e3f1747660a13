// SPDX-License-Identifier: Apache-2.0
//
// The part of the network loop that libcurl calls: heads are judged as soon as
// the first byte behind them arrives, before that byte goes anywhere.
#include <exception>
#include <span>
#include <utility>

#include "base/crew.h"
#include "http/network_job.h"
#include "http/response_head.h"
#include "http/status.h"

namespace lazymirror {
namespace {

// The rest of an unwanted body is read up to this, to keep the connection.
constexpr std::size_t kMaxSkipped = 64 * 1024;

}  // namespace

// libcurl has a connection for it, and over HTTP/2 a stream. When the server
// takes a stream back, there is a second time.
int NetworkLoop::on_request(void* job, char*, char*, int, int) {
  Job& target = *static_cast<Job*>(job);
  const bool again = std::exchange(target.sent, true);
  if (target.apart) return CURL_PREREQFUNC_OK;
  again ? target.host->room.sent_again() : target.host->room.sent();
  return CURL_PREREQFUNC_OK;
}

std::size_t NetworkLoop::on_write(char* data, std::size_t size, std::size_t count, void* job) {
  note_progress();
  Job& target = *static_cast<Job*>(job);
  try {
    return target.loop.write(target, std::as_bytes(std::span(data, size * count)));
  } catch (const std::exception& e) {  // libcurl is C
    target.attempt.refused = target.transfer->refusal({Errc::internal, e.what(), 0});
    return 0;
  }
}

// Returns 0, which ends the attempt, once nothing more is wanted of it.
std::size_t NetworkLoop::write(Job& job, std::span<const std::byte> bytes) {
  Job::Attempt& attempt = job.attempt;
  const bool first = !attempt.last_byte;
  attempt.last_byte = std::chrono::steady_clock::now();
  if (first) set_alarm(job, job.next_check(options_.low_speed_time));
  if (!attempt.judged) judge(job);
  if (attempt.refused) return 0;
  if (hold_up(job)) return CURL_WRITEFUNC_PAUSE;
  rate_.took(bytes.size(), *attempt.last_byte);
  if (attempt.use == BodyUse::take) {
    const auto use = job.transfer->on_body(bytes);
    if (!use) {
      attempt.refused = use.error();
      return 0;
    }
    attempt.use = *use;
    if (job.transfer->is_download()) job.last_progress = attempt.last_byte;
    return bytes.size();
  }
  attempt.skipped += bytes.size();
  attempt.cut = attempt.skipped > kMaxSkipped;
  return attempt.cut ? 0 : bytes.size();
}

void NetworkLoop::judge(Job& job) {
  Job::Attempt& attempt = job.attempt;
  attempt.judged = true;
  const ResponseHead head = read_head(job.easy.get());
  facts_.set_away(false);
  if (attempt.proxy) proxies_.worked(*attempt.proxy);
  if (head.http_major >= 2) {
    job.host->http2 = true;
    job.host->room.answered(options_.connections, std::chrono::steady_clock::now());
  }
  note_mood(job, head.status);
  attempt.use = BodyUse::skip;
  if (is_redirect(head.status) && !head.location.empty()) return judge_redirect(job, head);
  if (is_transient(head.status)) {
    attempt.transient = status_error(head.status);
    attempt.retry_after = head.retry_after;
    return;
  }
  auto use = job.transfer->on_head(head, job.location);
  if (use) {
    attempt.use = *use;
  } else {
    attempt.refused = std::move(use.error());
  }
}

void NetworkLoop::note_mood(Job& job, long status) {
  Host& host = *job.host;
  const unsigned full = full_limit_of(host);
  if (asks_for_less(status)) {
    host.limit.refused(host.active, full, std::chrono::steady_clock::now());
  } else {
    host.limit.served(full);
  }
  if (!job.location.same_origin(options_.base)) return;
  if (host.http2) facts_.saw_http2();
  facts_.allow(host.limit.of(full));
}

void NetworkLoop::judge_redirect(Job& job, const ResponseHead& head) {
  Job::Attempt& attempt = job.attempt;
  const auto refuse = [&](std::string reason) {
    attempt.refused = job.transfer->refusal({Errc::bad_reply, std::move(reason), 0});
  };
  auto target = job.location.resolve(head.location);
  if (!target)
    return refuse("the server redirects to an unusable place: " + target.error().message);
  if (job.location.scheme() == "https" && target->scheme() != "https") {
    return refuse("the server redirects from https to http, which is not followed");
  }
  const auto step = job.transfer->on_redirect(job.location, *target);
  if (!step) {
    attempt.refused = step.error();
    return;
  }
  attempt.answered = *step == Step::done;
  if (!attempt.answered && ++job.hops > options_.redirects) {
    return refuse("the server redirects more than " + std::to_string(options_.redirects) +
                  " times");
  }
  attempt.redirect = std::move(*target);
}

}  // namespace lazymirror
