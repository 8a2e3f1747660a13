// SPDX-License-Identifier: Apache-2.0
//
// One question to a running tree.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "control/message.h"

namespace lazymirror::control {

// What is told of a request under way, before its answer.
using Told = std::function<void(const Message& progress)>;

// The answer to `request` from whoever serves the socket at `path`. Blocks, at
// most for `silence` without a word (Errc::timeout). Errc::not_found: nobody
// serves it; Errc::denied: another user's; the code and the sentence of an answer
// that is an error.
[[nodiscard]] Result<Message> ask(const std::string& path, const Message& request, Duration silence,
                                  const Told& told = {});

// Whether somebody serves it, this user or another. Never blocks.
[[nodiscard]] bool is_served(const std::string& path);

}  // namespace lazymirror::control
