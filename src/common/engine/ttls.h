// SPDX-License-Identifier: Apache-2.0
//
// How long what the origin said is believed; may change while the engine runs.
//
// Threads: safe from any thread.
#pragma once

#include <atomic>

#include "base/clock.h"

namespace lazymirror {

class Ttls {
 public:
  Ttls(Duration listing, Duration absence) { set(listing, absence); }
  void set(Duration listing, Duration absence) {
    listing_ = listing.count();
    absence_ = absence.count();
  }

  [[nodiscard]] Duration listing() const { return Duration{listing_}; }
  // That a listing does not show a name.
  [[nodiscard]] Duration absence() const { return Duration{absence_}; }

 private:
  std::atomic<Duration::rep> listing_{0}, absence_{0};
};

}  // namespace lazymirror
