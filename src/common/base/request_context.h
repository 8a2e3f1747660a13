// SPDX-License-Identifier: Apache-2.0
//
// Who waits and until when; passed down with every request that may touch the
// network.
#pragma once

#include "base/clock.h"

namespace lazymirror {

// Lower is sooner: somebody waits now; likely to be read next; likely to be
// listed or opened next; bulk jobs.
enum class Priority : int { demand = 0, read_ahead = 1, look_ahead = 2, bulk = 3 };

struct RequestContext {
  Priority priority = Priority::demand;
  SteadyTime deadline;  // a waiter gets Errc::timeout when it passes
};

// For a wait that something else can take the place of: half of the time.
[[nodiscard]] inline RequestContext halved(RequestContext context, SteadyTime now) {
  if (context.deadline > now) context.deadline -= (context.deadline - now) / 2;
  return context;
}

}  // namespace lazymirror
