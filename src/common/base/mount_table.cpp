// SPDX-License-Identifier: Apache-2.0
#include "base/mount_table.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <sstream>

#include "base/file_io.h"

namespace lazymirror {
namespace {

constexpr std::size_t kLimit = 64u << 20;  // hosts with 100,000 container mounts exist

bool is_octal(char c) { return c >= '0' && c <= '7'; }

// Blank, tab, newline and backslash stand as \ooo.
std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) && is_octal(text[i + 2]) &&
        is_octal(text[i + 3])) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// id parent device root point options [tags...] - type source options
std::optional<MountLine> parse_line(const std::string& line) {
  std::istringstream fields(line);
  MountLine mount;
  std::string skipped;
  fields >> mount.id >> mount.parent >> mount.device >> mount.root >> mount.path >> skipped;
  constexpr std::string_view kShared = "shared:";
  for (std::string tag; fields >> tag && tag != "-";) {
    if (tag.starts_with(kShared)) {
      (void)std::from_chars(tag.data() + kShared.size(), tag.data() + tag.size(), mount.peer_group);
    }
  }
  if (!(fields >> mount.type >> mount.source)) return std::nullopt;
  fields >> mount.options;
  mount.root = unescape(mount.root);
  mount.path = unescape(mount.path);
  mount.source = unescape(mount.source);
  return mount;
}

}  // namespace

std::vector<MountLine> parse_mount_table(std::string_view mountinfo) {
  std::istringstream lines{std::string(mountinfo)};
  std::vector<MountLine> mounts;
  for (std::string line; std::getline(lines, line);) {
    if (auto mount = parse_line(line)) mounts.push_back(std::move(*mount));
  }
  return mounts;
}

Result<std::vector<MountLine>> read_mount_table() {
  auto text = read_file("/proc/self/mountinfo", kLimit);
  if (!text) return fail(text.error());
  return parse_mount_table(*text);
}

Result<MountLine> mount_of(const std::string& path) {
  struct statx info {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &info) != 0) {
    return fail_errno(errno, "cannot stat " + path);
  }
  auto table = read_mount_table();
  if (!table) return fail(table.error());
  for (MountLine& mount : *table) {
    if (mount.id == info.stx_mnt_id) return std::move(mount);
  }
  return fail(Errc::not_found, path + ": not in the mount table; is it below a chroot?");
}

bool is_at_or_below(std::string_view place, std::string_view path) {
  return place.starts_with(path) &&
         (place.size() == path.size() || place[path.size()] == '/' || path == "/");
}

}  // namespace lazymirror
