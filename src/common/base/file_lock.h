// SPDX-License-Identifier: Apache-2.0
//
// Who has a file in his hands, by flock(2). A claim is exclusive and lasts as
// long as the descriptor; a look takes a shared lock for a moment. Somebody
// who looks never keeps others from a claim.
//
// Safe from any thread. Never waits for a claim to end.
#pragma once

#include "base/result.h"

namespace lazymirror {

// Errc::busy: another descriptor has the claim. Other errors are the system's.
[[nodiscard]] Result<> claim_file(int fd);

// Whether somebody else has the claim. REQUIRES: `fd` has none.
[[nodiscard]] Result<bool> is_claimed(int fd);

}  // namespace lazymirror
