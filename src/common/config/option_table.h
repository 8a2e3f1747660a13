// SPDX-License-Identifier: Apache-2.0
//
// The one table of options. The command line parser, `-o key=value`, the config
// file, --help and the test of the manual page all read it, so none of them can
// know an option that the others do not.
//
// Immutable; safe from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/command.h"
#include "config/options.h"

namespace lazymirror {

// Where the value of an option goes; monostate: nowhere (an option of the
// ancestor that is accepted and has no meaning here).
using OptionField =
    std::variant<std::monostate, bool Options::*, unsigned Options::*, std::uint64_t Options::*,
                 Duration Options::*, std::string Options::*, std::vector<std::string> Options::*>;

struct OptionSpec {
  enum Flags : unsigned {
    kNone = 0,
    kHidden = 1,       // accepted, not shown: a spelling of the ancestor
    kSecret = 2,       // wiped from the process list, never printed
    kCommandLine = 4,  // neither in the config file nor in -o
    kPath = 8,         // a file or directory: made absolute
    kFile = 16,        // in the config file only: what else are words of the command line
  };

  std::string_view name = {};   // long form without dashes; empty: only the short form
  char letter = 0;              // short form, 0 if none
  std::string_view value = {};  // of --help: "DIR"; "a|b|c" are the only choices; empty: a switch
  std::string_view group = {};
  std::string_view help = {};
  std::string_view default_text = {};  // where the field's default does not say it
  std::string_view aliases = {};       // other long forms, separated by blanks
  OptionField field = {};
  unsigned flags = kNone;
  unsigned least = 0, most = ~0u;  // of a number
  unsigned commands = kServing;    // for which it is

  [[nodiscard]] bool is(Flags flag) const { return (flags & flag) != 0; }
  // Whether --help, the manual and completions tell of it.
  [[nodiscard]] bool is_shown() const { return !is(kHidden) && !is(kFile); }
  [[nodiscard]] bool is_switch() const { return value.empty(); }
  [[nodiscard]] bool is_repeatable() const {
    return std::holds_alternative<std::vector<std::string> Options::*>(field);
  }
};

// In the order of --help.
[[nodiscard]] std::span<const OptionSpec> option_table();

// By long form or alias, dashes and underscores alike; nullptr if there is none.
[[nodiscard]] const OptionSpec* find_option(std::string_view name);

// The long form that `name` was probably meant to be, or nothing.
[[nodiscard]] std::string_view nearest_option(std::string_view name);

// "--cache-location", or "-o" where there is no long form.
[[nodiscard]] std::string shown_name(const OptionSpec& option);

// What a user is told who gives it to another command.
[[nodiscard]] Failure belongs_elsewhere(const OptionSpec& option, Command command);

// "5min", "off", "none": what stands in [default: ...].
[[nodiscard]] std::string shown_default(const OptionSpec& option);

// Sets the field from its text. Errc::invalid with a sentence that begins with
// the value; the caller says where it came from.
Result<> set_option(const OptionSpec& option, std::string_view text, Options& options);

}  // namespace lazymirror
