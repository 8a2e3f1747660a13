// SPDX-License-Identifier: Apache-2.0
#include "cache/mount_check.h"

#include <charconv>
#include <vector>

namespace lazymirror {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool has_id(std::string_view line, std::uint64_t mount_id) {
  std::uint64_t id = 0;
  const auto result = std::from_chars(line.data(), line.data() + line.size(), id);
  return result.ec == std::errc{} && id == mount_id;
}

// The options of the file system: the last field, two behind the " - ".
std::vector<std::string_view> super_options(std::string_view line) {
  const auto mark = line.find(" - ");
  if (mark == std::string_view::npos) return {};
  const auto fields = split(line.substr(mark + 3), ' ');
  return fields.size() < 3 ? std::vector<std::string_view>{} : split(fields[2], ',');
}

}  // namespace

std::optional<std::string> unsafe_mount(std::string_view mountinfo, std::uint64_t mount_id) {
  for (const auto line : split(mountinfo, '\n')) {
    if (!has_id(line, mount_id)) continue;
    bool writeback = false;
    bool immediate = false;
    for (const auto option : super_options(line)) {
      if (option == "nobarrier" || option == "barrier=0") {
        return "mount option " + std::string(option) +
               ": what was written can be lost with the power although it was synced";
      }
      writeback |= option == "data=writeback";
      immediate |= option == "nodelalloc";
    }
    if (writeback && immediate) {
      return "mount options data=writeback,nodelalloc: files can show old blocks of the disk "
             "after a power loss";
    }
    return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace lazymirror
