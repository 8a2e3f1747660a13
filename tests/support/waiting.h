// SPDX-License-Identifier: Apache-2.0
//
// The only two places in which tests let time pass. Whatever can be waited for
// as an event is waited for as an event: a child's end, a mount, a request.
#pragma once

#include <chrono>
#include <functional>

namespace lazymirror::testing {

// Tries again, with growing pauses, until `done` is true; false at the
// deadline. For what nothing announces: the end of a TTL, the kernel's caches.
[[nodiscard]] bool eventually(const std::function<bool()>& done,
                              std::chrono::milliseconds timeout = std::chrono::seconds(90));

// For tests in which time is the input: the moment of a kill, the interval
// after which something must have become durable.
void let_pass(std::chrono::milliseconds time);

}  // namespace lazymirror::testing
