// SPDX-License-Identifier: Apache-2.0
//
// Sizes as listings print them, sorted by how far they can be trusted. Which
// form is exact depends on the server: see html_dialect.h. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace lazymirror {

enum class SizeForm : std::uint8_t {
  none = 0,     // absent, "-", or not a size at all
  digits = 1,   // "1258291"
  bytes = 2,    // "1,258,291 bytes" (Jetty)
  unit_b = 4,   // "6 B", "6B"
  order = 8,    // an attribute made for sorting (Caddy, rclone)
  rounded = 16  // "1.2M", "1228 kB", "1.2 MiB"
};

struct SizeText {
  SizeForm form = SizeForm::none;
  std::uint64_t value = 0;  // meaningless for none and rounded
};

// The whole of `text`, blanks around it aside.
[[nodiscard]] SizeText parse_size_text(std::string_view text);

// An attribute's value: digits only, since -1 stands for "a directory".
[[nodiscard]] SizeText parse_size_attribute(std::string_view text);

// Without the ASCII white space at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace lazymirror
