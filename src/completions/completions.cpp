// SPDX-License-Identifier: Apache-2.0
#include "completions/completions.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "config/command.h"
#include "config/option_table.h"

namespace lazymirror::completions {
namespace {

using Spellings = std::vector<std::string>;

// "-f" and "--foreground".
Spellings spellings(const OptionSpec& option) {
  Spellings out;
  if (option.letter != 0) out.push_back(std::string("-") + option.letter);
  if (!option.name.empty()) out.push_back("--" + std::string(option.name));
  return out;
}

std::string joined(const Spellings& words, std::string_view between) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : std::string(between)) + word;
  return out;
}

std::string replaced(std::string_view text, char what, std::string_view with) {
  std::string out;
  for (const char c : text) out += c == what ? std::string(with) : std::string(1, c);
  return out;
}

bool has_choices(const OptionSpec& option) { return option.value.find('|') != option.value.npos; }
std::string choices(const OptionSpec& option) { return replaced(option.value, '|', " "); }

std::string commands_of(unsigned commands, std::string_view between) {
  Spellings names;
  for (const CommandSpec& spec : command_table()) {
    if (includes(commands, spec.command)) names.emplace_back(spec.name);
  }
  return joined(names, between);
}

std::string first_sentence(std::string_view about) {
  const std::string text = replaced(about, '\n', " ");
  return text.substr(0, text.find('.'));
}

// Within '...' of a shell.
std::string in_quotes(std::string_view text) { return "'" + replaced(text, '\'', "'\\''") + "'"; }

template <typename Function>
void for_each_shown(Function function) {
  for (const OptionSpec& option : option_table()) {
    if (option.is_shown()) function(option);
  }
}

// "  -P|--proxy) COMPREPLY=(...) return ;;" of every option with a value.
std::string bash_values() {
  std::string out;
  for_each_shown([&](const OptionSpec& option) {
    if (option.is_switch()) return;
    out += "    " + joined(spellings(option), "|") + ") ";
    if (has_choices(option)) {
      out += "COMPREPLY=($(compgen -W '" + choices(option) + "' -- \"$cur\")); ";
    } else if (option.is(OptionSpec::kPath)) {
      out += std::string("COMPREPLY=($(compgen ") + (option.value == "DIR" ? "-d" : "-f") +
             " -- \"$cur\")); ";
    }
    out += "return ;;\n";
  });
  return out;
}

std::string bash_options() {
  std::string out;
  for (const CommandSpec& spec : command_table()) {
    Spellings words;
    for_each_shown([&](const OptionSpec& option) {
      if (!includes(option.commands, spec.command)) return;
      for (std::string& word : spellings(option)) words.push_back(std::move(word));
    });
    out += "    " + std::string(spec.name) + ") options='" + joined(words, " ") + "' ;;\n";
  }
  return out;
}

// "'(-f --foreground)'{-f,--foreground}'[Stay ...]:VALUE:(a b)'"
std::string zsh_option(const OptionSpec& option) {
  const Spellings words = spellings(option);
  std::string help(option.help);
  for (const auto& [what, with] :
       {std::pair('[', "("), {']', ")"}, {':', "\\:"}, {'\'', "'\\''"}}) {
    help = replaced(help, what, with);
  }
  const bool several = words.size() > 1;
  const bool again = option.is_repeatable();
  std::string out =
      several ? (again ? "'*'" : "'(" + joined(words, " ") + ")'") + "{" + joined(words, ",") + "}'"
              : (again ? "'*" : "'") + words.front();
  out += "[" + help + "]";
  if (option.is_switch()) return out + "'";
  const std::string kind = has_choices(option)             ? "(" + choices(option) + ")"
                           : !option.is(OptionSpec::kPath) ? " "
                           : option.value == "DIR"         ? "_files -/"
                                                           : "_files";
  return out + ":value:" + kind + "'";
}

std::string fish_option(const OptionSpec& option) {
  std::string out = "complete -c lazymirror";
  if (option.commands != kAllCommands) {
    const std::string others =
        option.commands == kServing ? commands_of(kAllCommands & ~kServing, " ") : "";
    out += others.empty()
               ? " -n '__fish_seen_subcommand_from " + commands_of(option.commands, " ") + "'"
               : " -n 'not __fish_seen_subcommand_from " + others + "'";
  }
  if (option.letter != 0) out += std::string(" -s ") + option.letter;
  if (!option.name.empty()) out += " -l " + std::string(option.name);
  if (has_choices(option)) {
    out += " -x -a '" + choices(option) + "'";
  } else if (!option.is_switch()) {
    out += option.is(OptionSpec::kPath) ? " -r -F" : " -x";
  }
  return out + " -d " + in_quotes(option.help) + "\n";
}

}  // namespace

std::string for_bash() {
  const std::string commands = commands_of(kAllCommands, " ");
  return "# bash completion for lazymirror\n\n"
         "_lazymirror() {\n"
         "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
         "  local command=${COMP_WORDS[1]-} options=\n"
         "  COMPREPLY=()\n"
         "  case $prev in\n" +
         bash_values() +
         "  esac\n"
         "  case $command in\n" +
         bash_options() + "    *) options='" + commands +
         " --help --version' ;;\n"
         "  esac\n"
         "  if [[ $COMP_CWORD -eq 1 || $cur == -* ]]; then\n"
         "    [[ $COMP_CWORD -eq 1 ]] && options='" +
         commands +
         " --help --version'\n"
         "    COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -f -- \"$cur\"))\n"
         "  fi\n"
         "}\n"
         "complete -o filenames -F _lazymirror lazymirror\n";
}

std::string for_zsh() {
  std::string out =
      "#compdef lazymirror\n\n"
      "local -a commands options\n"
      "commands=(\n";
  for (const CommandSpec& spec : command_table()) {
    out += "  " + in_quotes(std::string(spec.name) + ":" + first_sentence(spec.about)) + "\n";
  }
  out +=
      ")\nif (( CURRENT == 2 )); then\n  _describe command commands\n  return\nfi\n"
      "case $words[2] in\n";
  for (const CommandSpec& spec : command_table()) {
    out += "  " + std::string(spec.name) + ")\n    options=(\n";
    for_each_shown([&](const OptionSpec& option) {
      if (includes(option.commands, spec.command)) out += "      " + zsh_option(option) + "\n";
    });
    out += "    ) ;;\n";
  }
  return out + "esac\nshift words\n(( CURRENT-- ))\n_arguments -s $options '*:file:_files'\n";
}

std::string for_fish() {
  std::string out = "# fish completion for lazymirror\n";
  for (const CommandSpec& spec : command_table()) {
    out += "complete -c lazymirror -n __fish_use_subcommand -a " + std::string(spec.name) + " -d " +
           in_quotes(first_sentence(spec.about)) + "\n";
  }
  for_each_shown([&](const OptionSpec& option) { out += fish_option(option); });
  return out;
}

}  // namespace lazymirror::completions
