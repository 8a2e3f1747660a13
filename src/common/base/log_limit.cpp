// SPDX-License-Identifier: Apache-2.0
#include "base/log_limit.h"

#include <utility>

namespace lazymirror {

std::optional<std::uint64_t> LogLimit::ask(const std::string& cause, SteadyTime now) {
  return causes_.with([&](auto& causes) -> std::optional<std::uint64_t> {
    if (causes.size() >= kMostCauses && !causes.contains(cause)) {
      std::erase_if(causes, [&](const auto& one) { return now - one.second.when >= kEvery; });
    }
    const bool has_room = causes.size() < kMostCauses || causes.contains(cause);
    const auto [told, is_new] = causes.try_emplace(has_room ? cause : std::string(), Told{now});
    if (is_new) return 0;
    if (now - told->second.when < kEvery) {
      ++told->second.untold;
      return std::nullopt;
    }
    told->second.when = now;
    return std::exchange(told->second.untold, 0);
  });
}

std::string cause_of(const std::string& what, const Error& error) {
  if (error.code == Errc::unreachable || error.code == Errc::timeout) {
    return std::string(errc_name(error.code));
  }
  return what + ' ' + error.message;
}

std::string repeated(std::uint64_t untold) {
  return untold == 0 ? "" : " (and " + std::to_string(untold) + " times more since last told)";
}

}  // namespace lazymirror
