// SPDX-License-Identifier: Apache-2.0
//
// A fork inherits every descriptor, close-on-exec or not. In a child of the
// keeper, what belongs to objects of the keeper is closed behind their back:
// they are never destroyed there.
#pragma once

#include <vector>

namespace lazymirror::fanotify {

// But standard input, output and error. REQUIRES: this process has one thread.
void close_all_but(std::vector<int> kept);

}  // namespace lazymirror::fanotify
