// SPDX-License-Identifier: Apache-2.0
//
// A transfer under way: private to the network loop's source files.
#pragma once

#include <algorithm>
#include <array>
#include <optional>

#include "http/network_loop.h"

namespace lazymirror {

struct NetworkLoop::Job {
  // What a single attempt has shown so far.
  struct Attempt {
    bool judged = false;
    BodyUse use = BodyUse::take;
    std::size_t skipped = 0;
    bool cut = false;                // broken off by us, with all that was wanted
    std::optional<Error> refused;    // ends the transfer
    std::optional<Error> transient;  // may pass: retry
    std::optional<Duration> retry_after;
    std::optional<Url> redirect;
    bool answered = false;  // the redirect itself was the answer
    std::uint64_t progress_before = 0;
    std::optional<std::string> proxy;
    std::optional<SteadyTime> last_byte;
  };

  Job(NetworkLoop& l, TransferId i, std::unique_ptr<Transfer> t, SteadyTime d)
      : loop(l),
        id(i),
        transfer(std::move(t)),
        location(transfer->url()),
        deadline(d),
        patience(d - std::chrono::steady_clock::now()) {}

  // Until when it may go on (see RangeRequest::deadline).
  [[nodiscard]] SteadyTime end_of_patience() const {
    return last_progress ? std::max(deadline, *last_progress + patience) : deadline;
  }

  // When to look at it next. libcurl measures speed over several seconds, so a
  // body that stops in full flight is noticed here, exactly; up to the first
  // byte it is libcurl who knows whether the attempt waits for a connection.
  [[nodiscard]] SteadyTime next_check(Duration silence) const {
    const SteadyTime end = end_of_patience();
    return attempt.last_byte ? std::min(end, *attempt.last_byte + silence) : end;
  }

  NetworkLoop& loop;
  const TransferId id;
  std::unique_ptr<Transfer> transfer;
  Url location;  // after redirects
  const SteadyTime deadline;
  const SteadyTime::duration patience;
  std::optional<SteadyTime> last_progress;  // of a download
  SteadyTime alarm{};
  SteadyTime resume{};  // when waiting: the next attempt
  unsigned hops = 0;
  unsigned tries = 0;           // attempts that failed, since the last progress
  bool reached_nobody = false;  // the last attempt
  EasyHandle easy;              // while an attempt is under way, and
  Host* host = nullptr;         // where
  bool apart = false;           // on a connection of its own
  bool sent = false;            // its request; until then it waits for a connection or a stream
  HeaderList headers;
  std::array<char, CURL_ERROR_SIZE> error_text{};
  Attempt attempt;
  std::optional<Error> last_error;
};

}  // namespace lazymirror
