// SPDX-License-Identifier: Apache-2.0
//
// The commands of the program, as plain data: the parser, --help and the rules
// about which option belongs where read the same table.
//
// Immutable; safe from any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace lazymirror {

// Bits, so that an option can say for which commands it is.
enum class Command : unsigned {
  mount = 1,
  watch = 2,
  stop = 4,
  evict = 8,
  mkcache = 16,
  status = 32,
  ls = 64,
  info = 128,
  reload = 256,
  offline = 512,
  online = 1024,
  fetch = 2048,
  refresh = 4096,
  verify = 8192,
  pin = 16384,
  unpin = 32768,
  last = unpin
};

inline constexpr unsigned kServing = 3;  // mount and watch
inline constexpr unsigned kAllCommands = 2 * static_cast<unsigned>(Command::last) - 1;

struct CommandSpec {
  Command command;
  std::string_view name;
  std::string_view usage;  // what stands behind the name
  std::string_view about;  // lines of at most 80 columns
};

// In the order of --help.
[[nodiscard]] std::span<const CommandSpec> command_table();
[[nodiscard]] const CommandSpec& command_spec(Command command);
// nullptr if there is none.
[[nodiscard]] const CommandSpec* find_command(std::string_view name);

[[nodiscard]] constexpr bool includes(unsigned commands, Command command) {
  return (commands & static_cast<unsigned>(command)) != 0;
}
// "mount", "mount and watch"
[[nodiscard]] std::string command_names(unsigned commands);

}  // namespace lazymirror
