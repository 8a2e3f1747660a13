// SPDX-License-Identifier: Apache-2.0
#include "cli/for_trees.h"

#include <vector>

#include "cli/run.h"
#include "cli/target.h"
#include "cli/terminal.h"

namespace lazymirror::cli {

int for_trees(
    const std::string& given, const std::string& verb,
    const std::function<Result<>(const WatchedPath& tree, const std::string& place)>& act) {
  std::vector<WatchedPath> trees;
  if (given.empty()) {
    trees = all_targets().value_or(std::vector<WatchedPath>());
  } else if (auto tree = find_target(given)) {
    trees.push_back(std::move(*tree));
  } else {
    print_error("cannot " + verb + " " + given + ": " + tree.error().message);
    return tree.error().code == Errc::not_found ? kNotRunning : kFailure;
  }
  int status = kNotRunning;
  for (const WatchedPath& tree : trees) {
    const std::string place = tree.shown.empty() ? tree.cache : tree.shown;
    const auto done = act(tree, place);
    if (!done && done.error().code == Errc::denied && given.empty()) continue;
    if (!done) print_error("cannot " + verb + " " + place + ": " + done.error().message);
    if (status != kFailure) status = done ? kSuccess : kFailure;
  }
  if (status == kNotRunning) print_error("no tree is shown here that you may ask");
  return status;
}

}  // namespace lazymirror::cli
