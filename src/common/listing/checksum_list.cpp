// SPDX-License-Identifier: Apache-2.0
#include "listing/checksum_list.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace lazymirror {
namespace {

constexpr std::array<std::string_view, 4> kMethods = {"md5", "sha1", "sha256", "sha512"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool drop_end(std::string& text, std::string_view end) {
  if (!text.ends_with(end)) return false;
  text.resize(text.size() - end.size());
  return true;
}

// "a.iso" of the list "a.iso.sha256"; empty when it lists several.
std::string sole_name(std::string_view list) {
  std::string name = lower(list);
  (void)(drop_end(name, ".asc") || drop_end(name, ".txt"));
  for (const std::string_view method : kMethods) {
    const std::string suffix = "." + std::string(method);
    if (drop_end(name, suffix) || drop_end(name, suffix + "sum")) {
      return std::string(list.substr(0, name.size()));
    }
  }
  return {};
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
}

struct Line {
  std::string_view hex, name;  // no name: the list is of one file
};

// "HEX  NAME", "HEX *NAME", "HEX"
std::optional<Line> plain_line(std::string_view line) {
  const auto end = std::min(line.find(' '), line.size());
  Line found{line.substr(0, end), {}};
  if (end == line.size()) return found;
  if (line.size() < end + 3 || (line[end + 1] != ' ' && line[end + 1] != '*')) return std::nullopt;
  found.name = line.substr(end + 2);
  return found;
}

// "SHA256 (NAME) = HEX"
std::optional<Line> tagged_line(std::string_view line) {
  const auto open = line.find(" (");
  const auto close = line.rfind(") = ");
  if (open == line.npos || close == line.npos || close < open + 2) return std::nullopt;
  if (std::ranges::find(kMethods, lower(line.substr(0, open))) == kMethods.end()) {
    return std::nullopt;
  }
  return Line{line.substr(close + 4), line.substr(open + 2, close - open - 2)};
}

std::optional<Line> parse_line(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  auto found = tagged_line(line);
  if (!found) found = plain_line(line);
  if (!found || !is_hex(found->hex)) return std::nullopt;
  if (found->name.starts_with("./")) found->name.remove_prefix(2);
  return found;
}

void add_line(std::string_view list, const Line& line, PublishedSums& sums) {
  const auto kind = digest_of_length(line.hex.size());
  const std::string name = line.name.empty() ? sole_name(list) : std::string(line.name);
  if (!kind || name.empty() || name.find('/') != name.npos) return;
  const auto known = sums.find(name);
  if (known != sums.end() && known->second.kind >= *kind) return;
  sums.insert_or_assign(name, PublishedSum{*kind, lower(line.hex), std::string(list)});
}

}  // namespace

bool lists_one_file(std::string_view list) { return !sole_name(list).empty(); }

bool is_checksum_list(std::string_view list) {
  if (!sole_name(list).empty()) return true;
  std::string name = lower(list);
  (void)(drop_end(name, ".asc") || drop_end(name, ".txt"));
  if (name == "checksum" || name == "checksums") return true;
  return std::ranges::any_of(kMethods, [&](std::string_view method) {
    const std::string m(method);
    return name == m + "sum" || name == m + "sums" || name == "checksum." + m ||
           name == "checksums." + m;
  });
}

void add_checksums(std::string_view list, std::string_view text, PublishedSums& sums) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (const auto line = parse_line(text.substr(0, end))) add_line(list, *line, sums);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace lazymirror
