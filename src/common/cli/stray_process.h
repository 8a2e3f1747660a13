// SPDX-License-Identifier: Apache-2.0
//
// A small process beside this one, for what only it may do.
#pragma once

#include <functional>

#include "base/result.h"

namespace lazymirror::cli {

// `body` runs in a session of its own, with no descriptor but `socket` and, in
// place of the standard streams, /dev/null; no signal but SIGALRM reaches it. It
// is forked twice, so that nobody has to wait for its end.
// REQUIRES: this process has one thread.
[[nodiscard]] Result<> start_stray_process(int socket, const std::function<void()>& body);

}  // namespace lazymirror::cli
