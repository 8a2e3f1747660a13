// SPDX-License-Identifier: Apache-2.0
#include "cli/status_command.h"

#include <ctime>
#include <vector>

#include "cli/control_commands.h"
#include "cli/run.h"
#include "cli/status_text.h"
#include "cli/target.h"
#include "cli/terminal.h"
#include "control/client.h"

namespace lazymirror::cli {
namespace {

constexpr Duration kPatience{20'000};

using control::Message;

Result<Message> ask_for(const WatchedPath& tree, const Options& options) {
  const char* what = options.metrics ? "metrics" : "status";
  return control::ask(control_socket(tree.cache), {{"command", what}}, kPatience);
}

std::string text_of(const Message& answer, const Options& options) {
  if (options.metrics) return control::text_of(answer, "text").value_or(std::string());
  if (options.json) return control::write_message(answer);
  return status_page(answer, std::time(nullptr));
}

int not_running(const std::string& sentence) {
  print_error(sentence);
  return kNotRunning;
}

int tell_of_one(const Options& options) {
  const auto tree = find_target(options.tree);
  const auto answer = tree ? ask_for(*tree, options) : Result<Message>(fail(tree.error()));
  if (answer) return print(text_of(*answer, options)) ? kSuccess : kFailure;
  const std::string sentence = "no status of " + options.tree + ": " + answer.error().message;
  if (answer.error().code == Errc::not_found) return not_running(sentence);
  print_error(sentence);
  return kFailure;
}

// Those of other users are passed over.
Result<std::vector<Message>> answers_of_all(const Options& options) {
  const auto trees = all_targets();
  if (!trees) return fail(trees.error());
  std::vector<Message> answers;
  for (const WatchedPath& tree : *trees) {
    if (auto answer = ask_for(tree, options)) answers.push_back(std::move(*answer));
  }
  return answers;
}

int tell_of_all(const Options& options) {
  const auto answers = answers_of_all(options);
  if (!answers) {
    print_error(answers.error().message);
    return kFailure;
  }
  if (answers->empty()) return not_running("no tree is shown here that you may ask");
  if (options.metrics && answers->size() > 1) {
    print_error("several trees are shown: name one, as metrics of several cannot be mixed");
    return kUsage;
  }
  std::string out;
  for (const Message& answer : *answers) {
    if (!out.empty() && !options.json) out += "\n";
    out += text_of(answer, options);
  }
  return print(out) ? kSuccess : kFailure;
}

}  // namespace

int status_command(const Options& options) {
  return options.tree.empty() ? tell_of_all(options) : tell_of_one(options);
}

}  // namespace lazymirror::cli
