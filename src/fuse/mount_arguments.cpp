// SPDX-License-Identifier: Apache-2.0
#include "fuse/mount_arguments.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace lazymirror::fuse {
namespace {

using std::string_view_literals::operator""sv;

// Handed on to mount(2) or fusermount3.
constexpr std::array kPassedOn = {"allow_other"sv, "noatime"sv, "nodiratime"sv, "noexec"sv,
                                  "exec"sv,        "async"sv,   "sync"sv,       "dirsync"sv};
// True of every mount of ours, or meant for mount(8) and fstab(5).
constexpr std::array kAlwaysSo = {"ro"sv,      "nosuid"sv, "nodev"sv,  "default_permissions"sv,
                                  "auto"sv,    "noauto"sv, "nofail"sv, "defaults"sv,
                                  "_netdev"sv, "user"sv,   "users"sv,  "relatime"sv};
constexpr std::array kLabels = {"context="sv, "fscontext="sv, "defcontext="sv, "rootcontext="sv};

template <typename List>
bool contains(const List& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

Result<unsigned> parse_id(std::string_view item) {
  const std::string_view digits = item.substr(4);  // after "uid=" or "gid="
  unsigned id = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  if (error != std::errc{} || end != digits.data() + digits.size()) {
    return fail(Errc::invalid, "the mount option " + std::string(item) + " needs a number");
  }
  return id;
}

// A comma would end the item, a backslash escape what follows.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ',' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

Failure refuse(std::string_view item) {
  if (item == "rw") {
    return fail(Errc::invalid, "the mount option rw is not possible: a mirrored tree is read-only");
  }
  if (item == "suid" || item == "dev") {
    return fail(Errc::invalid, "the mount option " + std::string(item) +
                                   " is not possible: what a server publishes must not gain "
                                   "privileges here");
  }
  return fail(Errc::invalid,
              "unknown mount option " + std::string(item) +
                  "; known are allow_other, ro, noatime, nodiratime, exec, noexec, sync, async, "
                  "dirsync, uid=N, gid=N and the SELinux contexts");
}

Result<> apply_item(std::string_view item, MountArguments& out) {
  if (item.empty() || contains(kAlwaysSo, item) || item.starts_with("x-")) return {};
  if (item.starts_with("uid=") || item.starts_with("gid=")) {
    const Result<unsigned> id = parse_id(item);
    if (!id) return fail(id.error());
    (item[0] == 'u' ? out.appearance.uid : out.appearance.gid) = *id;
    return {};
  }
  const bool label = std::any_of(kLabels.begin(), kLabels.end(),
                                 [&](std::string_view known) { return item.starts_with(known); });
  if (!label && !contains(kPassedOn, item)) return refuse(item);
  if (item == "exec") out.appearance.file_mode = 0555;
  if (item == "noexec") out.appearance.file_mode = 0444;
  out.arguments.emplace_back("-o");
  out.arguments.push_back(label ? escaped(item) : std::string(item));
  return {};
}

}  // namespace

Result<MountArguments> mount_arguments(const std::string& source,
                                       const std::vector<std::string>& items) {
  MountArguments out;
  out.appearance.uid = ::geteuid();
  out.appearance.gid = ::getegid();
  out.arguments = {"lazymirror", "-o",
                   "ro,nosuid,nodev,default_permissions,subtype=lazymirror,max_read=" +
                       std::to_string(kMaxRead) + ",fsname=" + escaped(source)};
  for (const std::string& item : items) {
    if (const Result<> applied = apply_item(item, out); !applied) return fail(applied.error());
  }
  return out;
}

}  // namespace lazymirror::fuse
