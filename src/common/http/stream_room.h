// SPDX-License-Identifier: Apache-2.0
//
// How many requests at once are handed to libcurl for a host with HTTP/2. How
// many streams the server takes (SETTINGS_MAX_CONCURRENT_STREAMS) libcurl obeys
// and does not tell. What is too much waits inside it in order of arrival, a
// reader's request behind the guesses; or is sent on a new connection before the
// server has said how many it takes, refused, and the connection given up. So
// the number is found by going up one with every answer, twice as many in a
// round trip, until something has to wait; some seconds later more is tried.
// Answers that are there within one turn of libcurl make nothing wait: more than
// the server takes is then handed over, at no cost, until they last.
//
// Pure; not synchronised.
#pragma once

#include "base/clock.h"

namespace lazymirror {

class StreamRoom {
 public:
  static constexpr Duration kBelieved{10'000};

  // `first`: to begin with, and at least; `full`: at most.
  [[nodiscard]] unsigned of(unsigned first, unsigned full) const;

  void handed_over();  // a request, to libcurl
  void sent();         // it has a stream
  void sent_again();   // the server had taken the stream back
  void answered(unsigned first, SteadyTime now);
  void ended(bool was_sent);
  void look(SteadyTime now);  // libcurl has just sent what it could

 private:
  unsigned allowed_ = 0;
  SteadyTime until_{};
  unsigned waiting_ = 0, running_ = 0;
};

}  // namespace lazymirror
