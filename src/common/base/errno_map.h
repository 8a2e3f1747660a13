// SPDX-License-Identifier: Apache-2.0
//
// The one table from Errc to the errno a FUSE client sees. (fanotify accepts
// only seven errnos and has a table of its own.)
#pragma once

#include "base/result.h"

namespace lazymirror {

// Never ENOTCONN, which users read as a dead mount; never 0.
[[nodiscard]] int to_errno(Errc code);

}  // namespace lazymirror
