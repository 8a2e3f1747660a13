// SPDX-License-Identifier: Apache-2.0
#include "fanotify/pulse.h"

#include <chrono>

namespace lazymirror::fanotify {

void Pulse::on_ping() {
  const bool first = since_.with([](auto& since) {
    if (since) return false;
    since = std::chrono::steady_clock::now();
    return true;
  });
  if (first) {
    pool_.run([this] { on_pool(); });
    timers_.run_after(kBeside, gate_.function([this] { beside(); }));
  } else {
    beside();
  }
}

void Pulse::on_pool() {
  since_.with([](auto& since) { since.reset(); });
  outbox_.pong();
}

void Pulse::beside() {
  const bool slow = since_.with([](const auto& since) {
    return since && std::chrono::steady_clock::now() - *since < kPatience;
  });
  if (slow) outbox_.pong();
}

}  // namespace lazymirror::fanotify
