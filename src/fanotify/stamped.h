// SPDX-License-Identifier: Apache-2.0
//
// Files of a cache carry a stamp (an extended attribute) that only their owner
// can give. Whose it is, the cache says; that there is one, anybody can see.
// Safe from any thread.
#pragma once

namespace lazymirror::fanotify {

enum class Stamped { yes, no, unknown };  // unknown: it cannot be looked at

// Of a regular file; anything else is unknown.
[[nodiscard]] Stamped is_stamped(int file);

}  // namespace lazymirror::fanotify
