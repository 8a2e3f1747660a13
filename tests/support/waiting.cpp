// SPDX-License-Identifier: Apache-2.0
#include "support/waiting.h"

#include <algorithm>
#include <thread>

namespace lazymirror::testing {

void let_pass(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

bool eventually(const std::function<bool()>& done, std::chrono::milliseconds timeout) {
  constexpr std::chrono::milliseconds kLongest{200};
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (std::chrono::milliseconds pause{1}; !done(); pause = std::min(2 * pause, kLongest)) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    let_pass(pause);
  }
  return true;
}

}  // namespace lazymirror::testing
