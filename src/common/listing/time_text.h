// SPDX-License-Identifier: Apache-2.0
//
// Times as listings print them: one table of shapes. A shape fixes the
// resolution and whether the zone is stated; nothing is guessed. Pure, and
// independent of the locale (strptime(3) is not).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/listed_entry.h"

namespace lazymirror {

struct TimeText {
  ListedTime time;
  std::size_t length = 0;  // bytes of the text that make up the time
};

// A time at the very beginning of `text`, followed by a blank or the end.
[[nodiscard]] std::optional<TimeText> parse_time_text(std::string_view text);

}  // namespace lazymirror
