// SPDX-License-Identifier: Apache-2.0
//
// What the origins of the tests do with a connection. Blocking; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lazymirror::testing {

// False: the other side has gone.
[[nodiscard]] bool send_all(int fd, std::string_view bytes);

// The next request head, with its empty line; what arrived behind it is left in
// `pending`. Nothing at the end, or when it is longer than 64 KiB.
[[nodiscard]] std::optional<std::string> receive_head(int fd, std::string& pending);

}  // namespace lazymirror::testing
