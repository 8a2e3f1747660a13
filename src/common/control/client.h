// SPDX-License-Identifier: Apache-2.0
//
// One question to a running tree.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "control/message.h"

namespace lazymirror::control {

// The answer to `request` from whoever serves the socket at `path`. Blocks, at
// most for `timeout` (Errc::timeout). Errc::not_found: nobody serves it;
// Errc::io with the sentence of an answer that is an error.
[[nodiscard]] Result<Message> ask(const std::string& path, const Message& request,
                                  Duration timeout);

}  // namespace lazymirror::control
