// SPDX-License-Identifier: Apache-2.0
#include "cli/evict_command.h"

#include "cli/control_commands.h"
#include "cli/run.h"
#include "cli/target.h"
#include "cli/terminal.h"
#include "control/client.h"

namespace lazymirror::cli {
namespace {

constexpr Duration kPatience{60'000};

Result<> evict(const std::string& given, const std::string& cache) {
  const auto found = find_path(given, cache);
  if (!found) return fail(found.error());
  const auto answer =
      control::ask(control_socket(found->cache), evict_request(found->path), kPatience);
  if (!answer) return fail(answer.error());
  return {};
}

}  // namespace

int evict_command(const Options& options) {
  int status = kSuccess;
  for (const std::string& path : options.paths) {
    const auto evicted = evict(path, options.cache_location);
    if (evicted) continue;
    print_error("cannot evict " + path + ": " + evicted.error().message);
    status = kFailure;
  }
  return status;
}

}  // namespace lazymirror::cli
