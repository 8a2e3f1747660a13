// SPDX-License-Identifier: Apache-2.0
#include "cli/mount_plan.h"

#include <utility>

namespace lazymirror::cli {
namespace {

fuse::IoMode io_mode(const std::string& text) {
  if (text == "passthrough") return fuse::IoMode::passthrough;
  return text == "cached" ? fuse::IoMode::cached : fuse::IoMode::automatic;
}

// The rooms say what to do where they know; these are the cases in which only
// the command line does.
std::string remedy(MountStep step, Errc code) {
  if (step != MountStep::mount) return {};
  switch (code) {
    case Errc::not_a_directory: return "give a directory";
    case Errc::denied:
      return "the directory must be yours, fusermount3 (package fuse3) installed and /dev/fuse "
             "open to you";
    case Errc::unsupported: return "leave out --io=passthrough";
    default: return {};
  }
}

}  // namespace

Result<MountPlan> plan_mount(const Options& options, const Surroundings& user) {
  auto tree = plan_tree(Command::mount, options, user);
  if (!tree) return fail(tree.error());
  MountPlan plan{std::move(*tree), {}};
  plan.mount.mountpoint = options.mountpoint;
  plan.mount.source = plan.cache.url;
  plan.mount.io = io_mode(options.io);
  plan.mount.fuse_options = options.mount_options;
  plan.mount.attribute_ttl = options.strict_ttl ? Duration{0} : options.ttl;
  plan.mount.negative_ttl = options.negative_ttl;
  plan.mount.timeout = options.timeout;
  return plan;
}

Error explain(MountStep step, const Error& error, const MountPlan& plan) {
  Error out =
      with_context(error, "cannot mount " + plan.mount.source + " on " + plan.mount.mountpoint);
  if (const std::string words = remedy(step, error.code); !words.empty()) {
    out.message += "; " + words;
  }
  return out;
}

}  // namespace lazymirror::cli
