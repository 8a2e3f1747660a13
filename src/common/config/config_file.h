// SPDX-License-Identifier: Apache-2.0
//
// The config file: the part of TOML that a flat list of options needs.
//   # a comment
//   [origin]                      a heading of --help; only for the reader
//   ttl = 5min                    bare words,
//   password = "a \"b\" # c"      strings with \" and \\,
//   cacert = '/etc/ssl/x.pem'     literal strings,
//   netrc = true                  switches,
//   header = ["A: 1", "B: 2"]     and lists of strings, on one line or several
// (CLI11's reader of the same form cuts quoted values at '#', splits bare ones
// at blanks and commas, and knows no line numbers.)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/options.h"

namespace lazymirror {

struct ConfigItem {
  std::string key;
  std::string value;
  std::size_t line = 0;  // from 1
};

// One item per value; a list gives several of one key. Errc::invalid with
// "line N: ..." and the remedy.
[[nodiscard]] Result<std::vector<ConfigItem>> parse_config(std::string_view text);

// Reads `path` and sets the options. Every error names the file and the line.
Result<> apply_config_file(const std::string& path, Options& options);

}  // namespace lazymirror
