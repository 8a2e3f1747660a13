// SPDX-License-Identifier: Apache-2.0
#include <poll.h>

#include "fanotify/claims.h"
#include "fanotify/known_process.h"
#include "fanotify/view.h"
#include "fanotify/watch.h"

namespace lazymirror::fanotify {
namespace {

constexpr Duration kLookAgain{50};

Failure does_not_end(const Claimant& claimant) {
  return fail(Errc::timeout, "process " + std::to_string(claimant.pid) +
                                 " has been told to stop but still runs: wait, or see its log");
}

// The lock of a keeper that was killed, until its worker has let it go.
Result<Claim> settled_claim(const std::string& path, Duration patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto claim = look_at_claim(path);
    const bool between = claim && claim->state == ClaimState::inherited;
    if (!between || std::chrono::steady_clock::now() > deadline) return claim;
    (void)::poll(nullptr, 0, static_cast<int>(kLookAgain.count()));
  }
}

}  // namespace

Result<> stop(const std::string& cache_directory, Duration patience) {
  // Before its files are looked at, which are guarded and nobody answers.
  const bool was_left = end_all(Role::caretaker, cache_directory, patience) > 0;
  const auto keeper = settled_claim(lock_path(cache_directory), patience);
  if (!keeper) return fail(keeper.error());
  if (keeper->state == ClaimState::held) {
    if (end_claimant(keeper->claimant, patience)) return {};
    return does_not_end(keeper->claimant);
  }
  const auto guard = look_at_claim(guard_path(cache_directory));
  if (!guard) return fail(guard.error());
  if (guard->state != ClaimState::held && was_left) return {};
  if (guard->state != ClaimState::held) {
    return fail(Errc::not_found, "nothing runs on the cache " + cache_directory);
  }
  // Nobody gets in any more; who is in gets an error until the guard has gone.
  if (auto r = View::clear_leftovers({cache_directory, {}}); !r) return r;
  if (end_claimant(guard->claimant, patience)) return {};
  return does_not_end(guard->claimant);
}

}  // namespace lazymirror::fanotify
