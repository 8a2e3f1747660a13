// SPDX-License-Identifier: Apache-2.0
//
// What `status`, `ls` and `info` show to people, made of the messages that the
// daemon answers. Whatever is missing in a message is left out; control
// characters of names are not sent to the terminal. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "control/message.h"

namespace lazymirror::cli {

// `now`: seconds since 1970.
[[nodiscard]] std::string status_page(const control::Message& status, std::int64_t now);
[[nodiscard]] std::string info_page(const control::Message& info, std::int64_t now);
// One line of `ls`.
[[nodiscard]] std::string name_line(const control::Message& name);

// Bytes that would steer a terminal are shown as '?'.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace lazymirror::cli
