// SPDX-License-Identifier: Apache-2.0
#include "listing/libxml2_version.h"

#include <libxml/parser.h>

#include <charconv>
#include <string_view>

namespace lazymirror {

std::string libxml2_version_text() {
  // "20914" or "20914-GITv2.9.14": major, then two digits each.
  const std::string_view text(xmlParserVersion);
  unsigned number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." +
         std::to_string(number % 100);
}

}  // namespace lazymirror
