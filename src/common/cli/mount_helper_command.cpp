// SPDX-License-Identifier: Apache-2.0
#include "cli/mount_helper_command.h"

#include <utility>

#include "cli/mount_command.h"
#include "cli/mount_plan.h"
#include "cli/run.h"
#include "cli/terminal.h"
#include "cli/version_text.h"
#include "config/command_line.h"
#include "config/help.h"
#include "config/mount_helper.h"
#include "config/validate.h"
#include "fuse/mount.h"

namespace lazymirror::cli {
namespace {

// mount(8), "EXIT STATUS".
constexpr int kIncorrect = 1;
constexpr int kMountFailed = 32;

int incorrect(const Error& error) {
  print_error(error.message);
  return kIncorrect;
}

void leave_out_unknown(std::vector<std::string>& items) {
  std::erase_if(items, [](const std::string& item) { return !fuse::check_mount_options({item}); });
}

int mount_it(const MountHelperCall& call, const Options& options, const Surroundings& user) {
  const auto plan = plan_mount(options, user);
  if (!plan) return incorrect(plan.error());
  if (call.fake) return kSuccess;
  if (mount_command(options, user) != kSuccess) return kMountFailed;
  const std::string done = plan->mount.source + " is mounted on " + plan->mount.mountpoint + "\n";
  return !call.verbose || print(done) ? kSuccess : kIncorrect;
}

}  // namespace

int mount_helper_command(const std::vector<std::string>& arguments, const Surroundings& user) {
  const auto call = parse_mount_helper(arguments);
  if (!call) return incorrect(call.error());
  auto invocation = parse_command_line(call->arguments, user);
  if (!invocation) return incorrect(invocation.error());
  Options& options = invocation->options;
  if (options.help) return print(help_text(Command::mount)) ? kSuccess : kIncorrect;
  if (options.version) return print(version_text()) ? kSuccess : kIncorrect;
  options.foreground = false;
  if (call->sloppy) leave_out_unknown(options.mount_options);
  if (auto r = validate(Command::mount, options); !r) return incorrect(r.error());
  if (auto r = fuse::check_mount_options(options.mount_options); !r) return incorrect(r.error());
  return mount_it(*call, options, user);
}

}  // namespace lazymirror::cli
