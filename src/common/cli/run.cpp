// SPDX-License-Identifier: Apache-2.0
#include "cli/run.h"

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "cli/job_commands.h"
#include "cli/mkcache_command.h"
#include "cli/mount_command.h"
#include "cli/mount_helper_command.h"
#include "cli/path_commands.h"
#include "cli/reload_command.h"
#include "cli/status_command.h"
#include "cli/stop_command.h"
#include "cli/switch_command.h"
#include "cli/terminal.h"
#include "cli/version_text.h"
#include "cli/watch_command.h"
#include "cli/wipe_secrets.h"
#include "config/command_line.h"
#include "config/help.h"
#include "config/mount_helper.h"
#include "config/validate.h"

namespace lazymirror::cli {
namespace {

int usage_error(const Error& error) {
  print_error(error.message);
  std::fputs("Type 'lazymirror --help' for the options.\n", stderr);
  return kUsage;
}

int run_command(Command command, const Options& options, const Surroundings& user) {
  switch (command) {
    case Command::mount: return mount_command(options, user);
    case Command::watch: return watch_command(options, user);
    case Command::stop: return stop_command(options, user);
    case Command::status: return status_command(options);
    case Command::reload: return reload_command(options);
    case Command::offline:
    case Command::online: return switch_command(command, options);
    case Command::fetch:
    case Command::refresh:
    case Command::pin:
    case Command::verify: return job_command(command, options);
    case Command::ls:
    case Command::info:
    case Command::unpin:
    case Command::evict: return path_command(command, options);
    case Command::mkcache: break;
  }
  return mkcache_command(options, user);
}

int run_checked(const std::vector<std::string>& arguments) {
  const Surroundings user = Surroundings::of_this_process();
  const auto invocation = parse_command_line(arguments, user);
  if (!invocation) return usage_error(invocation.error());
  const Options& options = invocation->options;
  if (options.help) {
    const auto one = invocation->named || invocation->command != Command::mount;
    const auto text = one ? help_text(invocation->command) : help_text();
    return print(text) ? kSuccess : kFailure;
  }
  if (options.version) return print(version_text()) ? kSuccess : kFailure;
  if (auto r = validate(invocation->command, options); !r) return usage_error(r.error());
  return run_command(invocation->command, options, user);
}

}  // namespace

int run(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    wipe_secrets(argc, argv);
    if (argc > 0 && is_mount_helper(argv[0])) {
      return mount_helper_command(arguments, Surroundings::of_this_process());
    }
    return run_checked(arguments);
  } catch (const std::exception& error) {  // such as no memory
    print_error(std::string("cannot go on: ") + error.what());
    return kFailure;
  }
}

}  // namespace lazymirror::cli
