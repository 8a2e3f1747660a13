// SPDX-License-Identifier: Apache-2.0
//
// One event that the keeper forwarded: somebody waits until it is answered.
#pragma once

#include <memory>
#include <optional>

#include "base/unique_fd.h"
#include "fanotify/wire.h"

namespace lazymirror::fanotify {

struct AccessEvent {
  Ticket ticket = 0;
  Event::Kind kind = Event::Kind::read;
  UniqueFd fd;  // of the object; this process's own
  std::optional<std::uint64_t> offset;
  std::uint64_t count = 0;
};
using AccessEventPtr = std::shared_ptr<const AccessEvent>;

}  // namespace lazymirror::fanotify
