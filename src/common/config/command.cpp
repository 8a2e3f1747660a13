// SPDX-License-Identifier: Apache-2.0
#include "config/command.h"

#include <algorithm>
#include <array>

namespace lazymirror {
namespace {

constexpr std::array kTable = {
    CommandSpec{Command::mount, "mount", "[options] URL MOUNTPOINT",
                "Shows the directory tree at the http or https URL as a read-only file system at\n"
                "the directory MOUNTPOINT. What is read is fetched once and kept in a cache.\n"
                "Unmount with umount or fusermount3 -u.\n"},
    CommandSpec{Command::watch, "watch", "[options] URL CACHE [DIR]",
                "Shows the tree as plain files in CACHE/data, each filled when it is first read,\n"
                "and at the directory DIR as well if one is given. With --cache-location CACHE is\n"
                "left out. Needs root. End it with lazymirror stop.\n"},
    CommandSpec{Command::stop, "stop", "CACHE|DIR|MOUNTPOINT",
                "Ends the watch of the cache CACHE, or the one that is shown at DIR, or unmounts\n"
                "the tree at MOUNTPOINT.\n"},
    CommandSpec{Command::status, "status", "[--json] [--metrics] [TREE]",
                "Tells how the running tree TREE is: a mount point, a cache, a directory where\n"
                "one is shown, or anything below. Without TREE all that you may ask. The exit\n"
                "status is 3 when nothing runs.\n"},
    CommandSpec{Command::ls, "ls", "[--cached] [--json] PATH...",
                "Lists names of a running tree with what is here of each: remote, partial or\n"
                "cached. Asks nobody else: names that were never listed are not shown.\n"},
    CommandSpec{Command::info, "info", "[--json] PATH...",
                "Tells all that is known of single names of a running tree.\n"},
    CommandSpec{Command::reload, "reload", "[TREE]",
                "Has the running tree TREE, or all, read the config file again.\n"},
    CommandSpec{Command::offline, "offline", "[TREE]",
                "Has the running tree TREE, or all, ask its server for nothing: what is cached is\n"
                "served, what is not is an error at once.\n"},
    CommandSpec{Command::online, "online", "[TREE]", "Ends what lazymirror offline began.\n"},
    CommandSpec{Command::fetch, "fetch", "[-r] [--metadata] PATH...",
                "Fetches files of a running tree, or those in directories, and shows how far it\n"
                "is. What is here is not fetched again: broken off, it is resumed by another one.\n"
                "The exit status is 1 when anything failed.\n"},
    CommandSpec{Command::pin, "pin", "PATH...",
                "Fetches files of a running tree, or all below directories, as fetch -r does, and\n"
                "keeps them: they are not given back to make room, also after a restart.\n"},
    CommandSpec{Command::unpin, "unpin", "PATH...",
                "Ends what lazymirror pin began. The files stay until their room is needed.\n"},
    CommandSpec{Command::refresh, "refresh", "[-r] PATH...",
                "Asks the server for listings of a running tree again, however fresh they are.\n"},
    CommandSpec{Command::verify, "verify", "[-r] [PATH...]",
                "Compares what is cached of files with the server's versions, with the checksums\n"
                "of its parts, and with published ones such as SHA256SUMS. What is wrong is\n"
                "given up, to be fetched again. The exit status is 1 when anything was wrong.\n"
                "Without PATH all running trees that you may ask.\n"},
    CommandSpec{Command::evict, "evict", "[-r] PATH...",
                "Gives back the disk space of files in a running tree. They stay in sight and are\n"
                "fetched again when they are next read.\n"},
    CommandSpec{Command::mkcache, "mkcache", "[--size SIZE] FILE DIR",
                "Makes FILE an image of an XFS file system, the best home of a watched cache, and\n"
                "mounts it at the empty directory DIR. An image made before is only mounted.\n"
                "Needs root.\n"},
};

}  // namespace

std::span<const CommandSpec> command_table() { return kTable; }

const CommandSpec& command_spec(Command command) {
  return *std::ranges::find(kTable, command, &CommandSpec::command);
}

const CommandSpec* find_command(std::string_view name) {
  const auto* found = std::ranges::find(kTable, name, &CommandSpec::name);
  return found == kTable.end() ? nullptr : found;
}

std::string command_names(unsigned commands) {
  std::string out;
  for (const CommandSpec& spec : kTable) {
    if (!includes(commands, spec.command)) continue;
    out += (out.empty() ? "" : " and ") + std::string(spec.name);
  }
  return out;
}

}  // namespace lazymirror
