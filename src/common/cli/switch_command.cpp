// SPDX-License-Identifier: Apache-2.0
#include "cli/switch_command.h"

#include "cli/control_commands.h"
#include "cli/for_trees.h"
#include "control/client.h"

namespace lazymirror::cli {
namespace {

constexpr Duration kPatience{20'000};

}  // namespace

int switch_command(Command command, const Options& options) {
  const std::string name(command_spec(command).name);
  const auto act = [&](const WatchedPath& tree, const std::string&) -> Result<> {
    const auto answer = control::ask(control_socket(tree.cache), {{"command", name}}, kPatience);
    if (!answer) return fail(answer.error());
    return {};
  };
  return for_trees(options.tree, "set " + name, act);
}

}  // namespace lazymirror::cli
