// SPDX-License-Identifier: Apache-2.0
#include "config/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "config/arguments.h"
#include "config/config_file.h"
#include "config/mount_options.h"
#include "config/option_table.h"

namespace lazymirror {
namespace {

struct Given {
  const OptionSpec* option;
  std::string text;
};

// What CLI11 makes of the words; nothing is interpreted yet.
struct Words {
  std::vector<Given> given;  // in order
  std::vector<std::string> positional;
  std::vector<std::string> unknown;
};

// CLI11 takes the next word as the value of "--name=", which would swallow the
// URL: an empty value gets a word of its own.
std::vector<std::string> with_empty_values(const std::vector<std::string>& arguments) {
  std::vector<std::string> out;
  bool options_ended = false;
  for (const std::string& word : arguments) {
    options_ended = options_ended || word == "--";
    const bool empty_value = !options_ended && word.starts_with("--") && word.size() > 3 &&
                             word.find('=') == word.size() - 1;
    out.push_back(empty_value ? word.substr(0, word.size() - 1) : word);
    if (empty_value) out.emplace_back();
  }
  return out;
}

std::string cli11_names(const OptionSpec& option) {
  std::string names = option.name.empty() ? std::string() : "--" + std::string(option.name);
  if (option.letter != 0) names += (names.empty() ? "-" : ",-") + std::string(1, option.letter);
  for (const std::string& alias : CLI::detail::split_up(std::string(option.aliases), ' ')) {
    if (!alias.empty()) names += ",--" + alias;
  }
  return names;
}

void add_to(CLI::App& app, const OptionSpec& option, Words& words) {
  const auto note = [&words, &option](const CLI::results_t& results) {
    words.given.push_back({&option, results.back()});
    return true;
  };
  CLI::Option* made = app.add_option(cli11_names(option), note);
  if (option.is_switch()) made->type_size(0)->expected(0);
  made->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false)
      ->trigger_on_parse();  // one by one, so that their order is kept
}

// What CLI11 could not place: our arguments and misspelt options.
void sort_out(const std::vector<std::string>& rest, Words& words) {
  bool options_ended = false;
  for (const std::string& word : rest) {
    if (!options_ended && word == "--") {
      options_ended = true;
    } else if (!options_ended && word.size() > 1 && word[0] == '-') {
      words.unknown.push_back(word);
    } else {
      words.positional.push_back(word);
    }
  }
}

Result<Words> split(const std::vector<std::string>& arguments) {
  Words words;
  CLI::App app;
  app.set_help_flag();  // --help stands in our table
  app.allow_extras();
  for (const OptionSpec& option : option_table()) {
    if (!option.is(OptionSpec::kFile)) add_to(app, option, words);
  }
  std::vector<std::string> reversed = with_empty_values(arguments);
  std::reverse(reversed.begin(), reversed.end());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ArgumentMismatch& error) {
    // CLI11's sentence begins with the option's name.
    const std::string what = error.what();
    return fail(Errc::invalid, "option " + what.substr(0, what.find(':')) + " needs a value");
  } catch (const CLI::ParseError& error) {
    return fail(Errc::invalid, error.what());
  }
  sort_out(app.remaining(), words);
  return words;
}

Failure unknown_option(const std::string& word) {
  const std::string shown = word.substr(0, word.find('='));
  const std::string_view near =
      word.starts_with("--") ? nearest_option(std::string_view(shown).substr(2)) : "";
  return fail(Errc::invalid,
              "there is no option " + shown +
                  (near.empty() ? "" : ": did you mean --" + std::string(near) + "?"));
}

std::string absolute(const Surroundings& user, const std::string& path) {
  if (path.empty() || path[0] == '/') return path;
  return std::filesystem::path(user.working_directory + "/" + path).lexically_normal().string();
}

// What is looked up now keeps its dots: "link/.." is for the kernel to say.
std::string below_here(const Surroundings& user, const std::string& path) {
  if (path.empty() || path[0] == '/') return path;
  return user.working_directory + "/" + path;
}

// The daemon leaves the working directory, so paths must not depend on it.
void make_paths_absolute(const Surroundings& user, Options& options) {
  for (std::string* path :
       {&options.mountpoint, &options.shown_at, &options.image, &options.image_directory}) {
    *path = absolute(user, *path);
  }
  options.tree = below_here(user, options.tree);
  for (std::string& path : options.paths) path = below_here(user, path);
  for (const OptionSpec& option : option_table()) {
    const auto* field = std::get_if<std::string Options::*>(&option.field);
    if (field != nullptr && option.is(OptionSpec::kPath)) {
      options.** field = absolute(user, options.**field);
    }
  }
}

Result<> apply_given(const std::vector<Given>& given, Command command, Options& options) {
  for (const auto& [option, text] : given) {
    const bool mount_options = option->letter == 'o';
    const auto set = mount_options ? apply_mount_options(text, command, options)
                                   : set_option(*option, text, options);
    if (set) continue;
    return mount_options ? set : fail(with_context(set.error(), shown_name(*option)));
  }
  return {};
}

// The default file may be missing, one that was asked for may not.
Result<> apply_file(const Surroundings& user, const std::string& asked_for, Options& options) {
  if (!asked_for.empty()) return apply_config_file(absolute(user, asked_for), options);
  const std::string usual = default_config_file(user);
  if (usual.empty() || ::access(usual.c_str(), F_OK) != 0) return {};
  return apply_config_file(usual, options);
}

// The first word, if it names a command, which is taken off; the ancestor's
// --fanotify; else mount.
void choose_command(Words& words, Invocation& out) {
  const CommandSpec* spec = words.positional.empty() ? nullptr : find_command(words.positional[0]);
  out.named = spec != nullptr;
  if (out.named) {
    out.command = spec->command;
    words.positional.erase(words.positional.begin());
    return;
  }
  const bool fanotify = std::ranges::any_of(
      words.given, [](const Given& given) { return given.option->name == "fanotify"; });
  if (fanotify) out.command = Command::watch;
}

// Of a command line without words: those of the file that --config names, which
// is read for good, and judged, later.
void choose_command_by_file(const Words& words, const Surroundings& user, Invocation& out) {
  if (out.named || !words.positional.empty()) return;
  Options options;
  for (const Given& given : words.given) {
    if (given.option->name != "config") continue;
    options = {};
    static_cast<void>(apply_config_file(absolute(user, given.text), options));
  }
  if (options.mode == "watch") out.command = Command::watch;
}

// `lazymirror --help` tells of all commands, so any option may stand beside it.
Result<> check_options(const Words& words, const Invocation& invocation, bool for_all) {
  if (for_all) return {};
  for (const Given& given : words.given) {
    if (!includes(given.option->commands, invocation.command)) {
      return belongs_elsewhere(*given.option, invocation.command);
    }
  }
  return {};
}

}  // namespace

Result<Invocation> parse_command_line(const std::vector<std::string>& arguments,
                                      const Surroundings& user) {
  auto words = split(arguments);
  if (!words) return fail(words.error());
  if (!words->unknown.empty()) return unknown_option(words->unknown[0]);

  // Read once for --config and for mistakes, which come before --help.
  Options command_line;
  Invocation out;
  choose_command(*words, out);
  choose_command_by_file(*words, user, out);
  if (auto r = apply_given(words->given, out.command, command_line); !r) return fail(r.error());
  const bool only_words = command_line.help || command_line.version;
  if (auto r = check_options(*words, out, only_words && !out.named); !r) return fail(r.error());
  if (only_words) {
    out.options = std::move(command_line);
    return out;
  }
  // A broken file must not keep anybody from stopping what runs.
  if (includes(kServing, out.command)) {
    if (auto r = apply_file(user, command_line.config_file, out.options); !r) {
      return fail(r.error());
    }
  }
  if (auto r = apply_given(words->given, out.command, out.options); !r) return fail(r.error());
  if (auto r = take_arguments(out.command, words->positional, command_line, out.options); !r)
    return fail(r.error());
  make_paths_absolute(user, out.options);
  out.options.command_line = arguments;
  if (out.options.debug) {
    out.options.foreground = true;
    out.options.log_level = "debug";
  }
  return out;
}

}  // namespace lazymirror
