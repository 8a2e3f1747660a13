// SPDX-License-Identifier: Apache-2.0
#include "config/help.h"

#include <algorithm>
#include <sstream>

#include "config/option_table.h"

namespace lazymirror {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kIndent = 26;  // where the explanations stand
constexpr char kGlue = '\x01';       // a blank at which no line ends

constexpr const char* kTime =
    "TIME is a number with ms, s (or nothing), min, h or d, such as 30s or 1h30min.\n";
constexpr const char* kSize = "SIZE is a number with K, M, G or T, such as 500G.\n";
constexpr const char* kInFiles = "Options in a config file are written without dashes: ttl = 1h\n";
constexpr const char* kEnd = "Exit status: 0, or 1 for failure, or 2 for wrong usage";
constexpr const char* kOrNothingRuns = ", or 3 when nothing runs";
constexpr const char* kManual = ".\nThe manual is lazymirror(1).\n";
constexpr unsigned kMayFindNothing =
    static_cast<unsigned>(Command::status) | static_cast<unsigned>(Command::reload) |
    static_cast<unsigned>(Command::offline) | static_cast<unsigned>(Command::online) |
    static_cast<unsigned>(Command::verify);

std::string usage_line(const CommandSpec& spec, bool first) {
  return std::string(first ? "Usage: " : "       ") + "lazymirror " + std::string(spec.name) + " " +
         std::string(spec.usage) + "\n";
}

std::string usage_of(Command command) {
  const CommandSpec& spec = command_spec(command);
  std::string out = usage_line(spec, true);
  if (command == Command::mount) out += "       lazymirror [options] URL MOUNTPOINT\n";
  if (command == Command::watch) {
    out += "       lazymirror --fanotify --cache-location CACHE [options] URL -|DIR\n";
  }
  return out + "\n" + std::string(spec.about);
}

std::string usage_of_all() {
  std::string out;
  for (const CommandSpec& spec : command_table()) out += usage_line(spec, out.empty());
  out += "       lazymirror [options] URL MOUNTPOINT\n";
  for (const CommandSpec& spec : command_table()) {
    out += "\n" + std::string(spec.name) + "\n" + std::string(spec.about);
  }
  return out + "\nlazymirror COMMAND --help tells of one command only.\n";
}

std::string end_of(std::optional<Command> command) {
  const bool serving = !command || includes(kServing, *command);
  const bool sizes = serving || *command == Command::mkcache;
  const bool running = command && includes(kMayFindNothing, *command);
  return std::string("\n") + (serving ? kTime : "") + (sizes ? kSize : "") +
         (serving ? kInFiles : "") + kEnd + (running ? kOrNothingRuns : "") + kManual;
}

// "  -u, --username NAME"
std::string left_column(const OptionSpec& option) {
  std::string out = option.letter != 0 ? std::string("  -") + option.letter : "    ";
  if (!option.name.empty())
    out += (option.letter != 0 ? ", --" : "  --") + std::string(option.name);
  if (!option.is_switch()) out += " " + std::string(option.value);
  return out;
}

// Appends `words` to `out`, whose last line has `column` characters.
void wrap(const std::string& words, std::string& out, std::size_t column) {
  std::istringstream in(words);
  bool first = true;
  for (std::string word; in >> word; first = false) {
    std::ranges::replace(word, kGlue, ' ');
    if (!first && column + 1 + word.size() > kWidth) {
      out += "\n" + std::string(kIndent, ' ');
      column = kIndent;
      first = true;
    }
    out += (first ? "" : " ") + word;
    column += word.size() + (first ? 0 : 1);
  }
  out += '\n';
}

void append(const OptionSpec& option, std::string& out) {
  std::string left = left_column(option);
  const bool fits = left.size() + 2 <= kIndent;
  out += left + (fits ? "" : "\n") + std::string(fits ? kIndent - left.size() : kIndent, ' ');
  const std::string value = shown_default(option);
  const bool words = value.find(' ') != value.npos;
  const std::string lead = std::string("[default:") + (words ? ' ' : kGlue);
  wrap(std::string(option.help) + " " + lead + value + "]", out, kIndent);
}

}  // namespace

std::string help_text(std::optional<Command> command) {
  std::string out = command ? usage_of(*command) : usage_of_all();
  std::string_view group;
  for (const OptionSpec& option : option_table()) {
    if (!option.is_shown()) continue;
    if (command && !includes(option.commands, *command)) continue;
    if (option.group != group) out += "\n" + std::string(group = option.group) + ":\n";
    append(option, out);
  }
  return out + end_of(command);
}

}  // namespace lazymirror
