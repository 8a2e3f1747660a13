// SPDX-License-Identifier: Apache-2.0
#include "config/mount_options.h"

#include <algorithm>
#include <array>

#include "config/option_table.h"

namespace lazymirror {
namespace {

// What mount(8) and systemd.mount(5) read themselves and pass on, and what
// mount(8) and mount.fuse3(8) add on their own: without rw, dev and suid no line
// of fstab would work. They grant nothing: the mount stays read-only, nodev and
// nosuid.
bool is_for_mount(std::string_view item) {
  static constexpr std::array<std::string_view, 14> kWords = {
      "_netdev", "auto",  "noauto",   "nofail",  "user", "nouser", "users",
      "group",   "owner", "defaults", "comment", "rw",   "dev",    "suid"};
  const std::string_view key = item.substr(0, item.find('='));
  return key.starts_with("x-") || key.starts_with("X-") ||
         std::find(kWords.begin(), kWords.end(), key) != kWords.end();
}

Result<> apply_item(const std::string& item, Command command, Options& options) {
  if (item.empty() || is_for_mount(item)) return {};
  const auto equals = item.find('=');
  const std::string key = item.substr(0, equals);
  const OptionSpec* option = find_option(key);
  // -o debug is libfuse's own word and means the same.
  if (option == nullptr || option->is(OptionSpec::kCommandLine) || option->is(OptionSpec::kFile)) {
    options.mount_options.push_back(item);
    return {};
  }
  if (!includes(option->commands, command)) return belongs_elsewhere(*option, command);
  if (equals == item.npos && !option->is_switch()) {
    return fail(Errc::invalid,
                "-o " + key + " needs a value: write " + key + "=" + std::string(option->value));
  }
  const std::string text = equals == item.npos ? "true" : item.substr(equals + 1);
  const auto set = set_option(*option, text, options);
  return set ? set : fail(with_context(set.error(), "-o " + key));
}

}  // namespace

std::vector<std::string> split_mount_options(std::string_view text) {
  std::vector<std::string> items(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped =
        text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == ',' || text[i + 1] == '\\');
    if (escaped) {
      items.back() += text[++i];
    } else if (text[i] == ',') {
      items.emplace_back();
    } else {
      items.back() += text[i];
    }
  }
  return items;
}

Result<> apply_mount_options(std::string_view text, Command command, Options& options) {
  for (const std::string& item : split_mount_options(text)) {
    if (auto r = apply_item(item, command, options); !r) return r;
  }
  return {};
}

}  // namespace lazymirror
