// SPDX-License-Identifier: Apache-2.0
#include "cli/path_commands.h"

#include <ctime>

#include "base/units.h"
#include "cli/control_commands.h"
#include "cli/run.h"
#include "cli/status_text.h"
#include "cli/target.h"
#include "cli/terminal.h"
#include "control/client.h"

namespace lazymirror::cli {
namespace {

using control::Message;

constexpr Duration kPatience{60'000};
constexpr Duration kPatienceForMany{3'600'000};  // all files of a large tree

// Standard output cannot be written any more.
struct OutputGone {
  bool gone = false;
  void put(const std::string& text) { gone = gone || !print(text); }
};

void put_name(const control::Value& value, const Options& options, OutputGone& out) {
  const auto* name = std::get_if<Message>(&value.data);
  if (name == nullptr) return;
  out.put(options.json ? control::write_message(*name) : name_line(*name));
}

Result<> ls(const WatchedPath& found, const Options& options, OutputGone& out) {
  const auto told = [&](const Message& progress) {
    const auto* names = control::list_of(progress, "names");
    if (names == nullptr) return;
    for (const control::Value& name : *names) put_name(name, options, out);
  };
  const auto answer = control::ask(control_socket(found.cache), path_request("ls", found.path),
                                   kPatienceForMany, told);
  return answer ? Result<>() : fail(answer.error());
}

Result<> info(const WatchedPath& found, const Options& options, OutputGone& out) {
  const auto answer =
      control::ask(control_socket(found.cache), path_request("info", found.path), kPatience);
  if (!answer) return fail(answer.error());
  out.put(options.json ? control::write_message(*answer) : info_page(*answer, std::time(nullptr)));
  return {};
}

std::uint64_t number(const Message& message, std::string_view key) {
  return static_cast<std::uint64_t>(control::number_of(message, key).value_or(0));
}

std::string files(std::uint64_t number) {
  return std::to_string(number) + (number == 1 ? " file" : " files");
}

// What stays is a failure, also when the others went.
Result<> evict(const WatchedPath& found, const Options& options, OutputGone& out) {
  Message request = path_request("evict", found.path);
  request.emplace("recursive", options.recursive);
  const auto answer = control::ask(control_socket(found.cache), request, kPatienceForMany);
  if (!answer) return fail(answer.error());
  if (options.recursive) {
    out.put("evicted " + files(number(*answer, "files")) + ", " +
            format_size(number(*answer, "bytes")) + "\n");
  }
  const std::uint64_t busy = number(*answer, "busy"), pinned = number(*answer, "pinned");
  if (busy + pinned == 0) return {};
  std::string stays;
  if (busy > 0) stays = files(busy) + " in use";
  if (pinned > 0) stays += (busy > 0 ? " and " : "") + files(pinned) + " pinned (lazymirror unpin)";
  return fail(Errc::busy, stays + " stay");
}

Result<> unpin(const WatchedPath& found) {
  const auto answer =
      control::ask(control_socket(found.cache), path_request("unpin", found.path), kPatience);
  return answer ? Result<>() : fail(answer.error());
}

Result<> run_one(Command command, const std::string& given, const Options& options,
                 OutputGone& out) {
  const auto found = find_path(given, options.cache_location);
  if (!found) return fail(found.error());
  switch (command) {
    case Command::ls: return ls(*found, options, out);
    case Command::info: return info(*found, options, out);
    case Command::unpin: return unpin(*found);
    default: return evict(*found, options, out);
  }
}

std::string verb(Command command) {
  return command == Command::ls     ? "list"
         : command == Command::info ? "tell of"
                                    : std::string(command_spec(command).name);
}

}  // namespace

int path_command(Command command, const Options& options) {
  OutputGone out;
  int status = kSuccess;
  for (const std::string& path : options.paths) {
    const auto done = run_one(command, path, options, out);
    if (out.gone) return kFailure;
    if (done) continue;
    print_error("cannot " + verb(command) + " " + path + ": " + done.error().message);
    status = kFailure;
  }
  return status;
}

}  // namespace lazymirror::cli
