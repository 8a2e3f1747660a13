// SPDX-License-Identifier: Apache-2.0
//
// What has been learned about the origin while using it. Written by the network
// thread, read by any thread.
#pragma once

#include <atomic>
#include <limits>
#include <string>

#include "base/clock.h"
#include "base/guarded.h"
#include "http/origin.h"
#include "http/response_head.h"

namespace lazymirror {

class OriginFacts {
 public:
  void saw_http2() { http2_ = true; }
  [[nodiscard]] bool http2() const { return http2_; }

  // How many requests at once the origin puts up with, as of its last answer.
  void allow(unsigned requests) { allowed_ = requests; }
  [[nodiscard]] unsigned allowed() const { return allowed_; }

  // A range was answered with all of the file, or with the range. A server that
  // does not even claim to know ranges is believed at once, another one after
  // three such answers in a row: a single 200 may have had its reasons. What is
  // believed is asked again after ten minutes, as trees can be mixed.
  void range_ignored(const ResponseHead& head, const std::string& url, SteadyTime now);
  void range_served() { ignored_in_a_row_ = 0; }
  [[nodiscard]] bool ranges_supported(SteadyTime now) const;

  // An attempt reached nobody, or somebody answered.
  void set_away(bool away) { away_ = away; }
  [[nodiscard]] bool is_away() const { return away_; }

  void succeeded();
  void failed(const std::string& message);
  [[nodiscard]] OriginHealth health() const;

 private:
  std::atomic<bool> http2_{false}, away_{false};
  std::atomic<unsigned> allowed_{std::numeric_limits<unsigned>::max()};
  std::atomic<SteadyTime::rep> no_ranges_until_{SteadyTime::min().time_since_epoch().count()};
  unsigned ignored_in_a_row_ = 0;  // network thread only
  bool warned_ = false;            // network thread only
  Guarded<OriginHealth> health_;
};

}  // namespace lazymirror
