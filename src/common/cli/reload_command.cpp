// SPDX-License-Identifier: Apache-2.0
#include "cli/reload_command.h"

#include "base/file_io.h"
#include "cli/control_commands.h"
#include "cli/for_trees.h"
#include "cli/terminal.h"
#include "control/client.h"

namespace lazymirror::cli {
namespace {

using control::Message;

constexpr Duration kPatience{20'000};

std::string names_in(const Message& answer, std::string_view key) {
  std::string out;
  const control::List* list = control::list_of(answer, key);
  if (list == nullptr) return out;
  for (const control::Value& value : *list) {
    const auto* name = std::get_if<std::string>(&value.data);
    if (name != nullptr) out += (out.empty() ? "" : ", ") + *name;
  }
  return out;
}

// The file is read here: the worker of a watch may not.
Result<Message> reload(const WatchedPath& tree) {
  const std::string socket = control_socket(tree.cache);
  const auto status = control::ask(socket, {{"command", "status"}}, kPatience);
  if (!status) return status;
  Message request{{"command", "reload"}};
  const auto encoded = control::text_of(*status, "config_file");
  const auto path = encoded ? control::decode_path(*encoded) : Result<std::string>(encoded);
  if (path && !path->empty()) {
    auto text = read_file(*path, control::kMaxMessage / 2);
    if (!text) return fail(with_context(text.error(), "cannot read the config file"));
    request.emplace("text", std::move(*text));
  }
  return control::ask(socket, request, kPatience);
}

std::string words(const Message& answer, const std::string& place) {
  const std::string changed = names_in(answer, "changed"), later = names_in(answer, "restart");
  std::string out = place + ": " + (changed.empty() ? "nothing to change" : "changed " + changed);
  if (!later.empty()) out += "; in force after the next start: " + later;
  return out + "\n";
}

}  // namespace

int reload_command(const Options& options) {
  return for_trees(options.tree, "reload",
                   [](const WatchedPath& tree, const std::string& place) -> Result<> {
                     const auto answer = reload(tree);
                     if (!answer) return fail(answer.error());
                     if (print(words(*answer, place))) return {};
                     return fail(Errc::io, "standard output cannot be written");
                   });
}

}  // namespace lazymirror::cli
