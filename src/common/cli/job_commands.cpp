// SPDX-License-Identifier: Apache-2.0
#include "cli/job_commands.h"

#include <vector>

#include "cli/control_commands.h"
#include "cli/job_display.h"
#include "cli/job_message.h"
#include "cli/run.h"
#include "cli/target.h"
#include "cli/terminal.h"
#include "control/client.h"

namespace lazymirror::cli {
namespace {

// It tells how far it is four times a second, but for pauses of a slow disk.
constexpr Duration kPatience{600'000};
// Of the paths of one request, encoded; more become several.
constexpr std::size_t kMostPaths = control::kMaxMessage / 2;

// Paths that become one job: of one tree, one after the other.
struct Part {
  WatchedPath tree;
  std::vector<std::string> paths;
  std::size_t size = 0;

  [[nodiscard]] bool takes(const WatchedPath& found, std::size_t more) const {
    return tree.cache == found.cache && tree.shown == found.shown && size + more <= kMostPaths;
  }
};

JobKind kind_of(Command command, const Options& options) {
  if (command == Command::refresh) return JobKind::refresh;
  if (command == Command::verify) return JobKind::verify;
  return options.metadata ? JobKind::metadata : JobKind::fetch;
}

void add(const WatchedPath& found, std::vector<Part>& parts) {
  const std::size_t size = control::encode_path(found.path).size() + 3;
  if (parts.empty() || !parts.back().takes(found, size)) parts.push_back({found, {}, 0});
  parts.back().paths.push_back(found.path);
  parts.back().size += size;
}

bool run_part(const Part& part, JobKind kind, const Options& options) {
  JobDisplay display(kind, part.tree.shown, options.json);
  const auto answer = control::ask(
      control_socket(part.tree.cache), job_message({kind, part.paths, options.recursive}),
      kPatience, [&](const control::Message& progress) { display.told(progress); });
  if (answer) {
    display.ended(*answer);
  } else {
    display.failed("cannot " + std::string(job_name(kind)) + " " + part.tree.shown + ": " +
                   answer.error().message);
  }
  return !display.has_failures();
}

}  // namespace

int job_command(Command command, const Options& options) {
  const JobKind kind = kind_of(command, options);
  std::vector<Part> parts;
  int status = kSuccess;
  for (const std::string& path : options.paths) {
    const auto found = find_path(path, options.cache_location);
    if (found) {
      add(*found, parts);
      continue;
    }
    print_error("cannot " + std::string(command_spec(command).name) + " " + path + ": " +
                found.error().message);
    status = kFailure;
  }
  for (const Part& part : parts) {
    if (!run_part(part, kind, options)) status = kFailure;
  }
  return status;
}

}  // namespace lazymirror::cli
