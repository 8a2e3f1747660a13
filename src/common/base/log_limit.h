// SPDX-License-Identifier: Apache-2.0
//
// Keeps one cause from filling the log: it is told once in a minute, with how
// often it was not told.
//
// Threads: safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/result.h"

namespace lazymirror {

class LogLimit {
 public:
  static constexpr Duration kEvery{60'000};
  static constexpr std::size_t kMostCauses = 1'000;  // all others are one more

  // Nothing: not now. Otherwise how often that was the answer since it was told last.
  [[nodiscard]] std::optional<std::uint64_t> ask(const std::string& cause, SteadyTime now);

 private:
  struct Told {
    SteadyTime when;
    std::uint64_t untold = 0;
  };
  Guarded<std::unordered_map<std::string, Told>> causes_;
};

// What to ask for: of an origin that is away or slow everything fails, which is
// one cause.
[[nodiscard]] std::string cause_of(const std::string& what, const Error& error);

// To be put at the end of a message.
[[nodiscard]] std::string repeated(std::uint64_t untold);

}  // namespace lazymirror
