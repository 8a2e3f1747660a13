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
  if (command == Command::pin) return JobKind::pin;
  return options.metadata ? JobKind::metadata : JobKind::fetch;
}

void add(const WatchedPath& found, std::vector<Part>& parts) {
  const std::size_t size = control::encode_path(found.path).size() + 3;
  if (parts.empty() || !parts.back().takes(found, size)) parts.push_back({found, {}, 0});
  parts.back().paths.push_back(found.path);
  parts.back().size += size;
}

std::string name_of(const Part& part) {
  const bool one = part.paths.size() == 1 && !part.paths.front().empty();
  return part.tree.shown + (one ? "/" + part.paths.front() : "");
}

// The exit status. kNotRunning: nobody has named it, and it may not be asked.
int run_part(const Part& part, JobKind kind, const Options& options, bool named) {
  JobDisplay display(kind, part.tree.shown, options.json);
  const auto answer = control::ask(
      control_socket(part.tree.cache), job_message({kind, part.paths, options.recursive || !named}),
      kPatience, [&](const control::Message& progress) { display.told(progress); });
  if (answer) {
    display.ended(*answer);
  } else if (!named && answer.error().code == Errc::denied) {
    return kNotRunning;
  } else {
    display.failed("cannot " + std::string(job_name(kind)) + " " + name_of(part) + ": " +
                   answer.error().message);
  }
  return display.has_failures() ? kFailure : kSuccess;
}

// Of the paths that were given; false: not all of them lead into a tree.
bool find_parts(Command command, const Options& options, std::vector<Part>& parts) {
  bool all = true;
  for (const std::string& path : options.paths) {
    const auto found = find_path(path, options.cache_location);
    if (found) {
      add(*found, parts);
      continue;
    }
    print_error("cannot " + std::string(command_spec(command).name) + " " + path + ": " +
                found.error().message);
    all = false;
  }
  return all;
}

// Whole trees: of `cache`, or all if it is empty.
Result<std::vector<Part>> parts_of_all(const std::string& cache) {
  if (!cache.empty()) {
    auto tree = find_target(cache);
    if (!tree) return fail(tree.error());
    if (tree->shown.empty()) tree->shown = cache;
    return std::vector<Part>{{std::move(*tree), {""}, 0}};
  }
  const auto trees = all_targets();
  if (!trees) return fail(trees.error());
  std::vector<Part> parts;
  for (const WatchedPath& tree : *trees) parts.push_back({tree, {""}, 0});
  return parts;
}

}  // namespace

int job_command(Command command, const Options& options) {
  const JobKind kind = kind_of(command, options);
  const bool named = !options.paths.empty();
  std::vector<Part> parts;
  int status = kSuccess;
  if (named) {
    if (!find_parts(command, options, parts)) status = kFailure;
  } else {
    auto all = parts_of_all(options.cache_location);
    if (all) parts = std::move(*all);
    if (!all) print_error(all.error().message);
    status = all ? kNotRunning : kFailure;
  }
  for (const Part& part : parts) {
    const int done = run_part(part, kind, options, named);
    if (done == kFailure || status == kNotRunning) status = done;
  }
  if (status == kNotRunning) print_error("no tree is shown here that you may ask");
  return status;
}

}  // namespace lazymirror::cli
