// SPDX-License-Identifier: Apache-2.0
#include "config/option_table.h"

#include <array>

namespace lazymirror {
namespace {

constexpr std::string_view kGeneral = "General";
constexpr std::string_view kMount = "Mount";
constexpr std::string_view kWatch = "Watch";
constexpr std::string_view kCache = "Cache";
constexpr std::string_view kImage = "Image";
constexpr std::string_view kAnswers = "Answers";
constexpr std::string_view kJobs = "Jobs";
constexpr std::string_view kMetadata = "Metadata";
constexpr std::string_view kOrigin = "Origin";
constexpr std::string_view kTree = "Tree";
constexpr std::string_view kAncestor = "Ancestor";

constexpr auto kForMount = static_cast<unsigned>(Command::mount);
constexpr auto kForWatch = static_cast<unsigned>(Command::watch);
constexpr auto kForEvict = static_cast<unsigned>(Command::evict);
constexpr auto kForMkcache = static_cast<unsigned>(Command::mkcache);
constexpr auto kForStatus = static_cast<unsigned>(Command::status);
constexpr auto kForLs = static_cast<unsigned>(Command::ls);
constexpr auto kForInfo = static_cast<unsigned>(Command::info);
constexpr auto kForFetch = static_cast<unsigned>(Command::fetch);
constexpr auto kForSteps =
    kForFetch | static_cast<unsigned>(Command::refresh) | static_cast<unsigned>(Command::verify);
constexpr auto kForJobs = kForSteps | static_cast<unsigned>(Command::pin);
constexpr auto kForUnpin = static_cast<unsigned>(Command::unpin);

// clang-format off
constexpr std::array kTable = {
    OptionSpec{.name = "foreground", .letter = 'f', .group = kGeneral,
               .help = "Stay in the foreground and log to standard error",
               .field = &Options::foreground},
    OptionSpec{.name = "log-level", .value = "trace|debug|info|warning|error|off", .group = kGeneral,
               .help = "The least important messages to log",
               .field = &Options::log_level},
    OptionSpec{.name = "config", .value = "FILE", .group = kGeneral,
               .help = "Read options from FILE",
               .default_text = "/etc/lazymirror/lazymirror.conf for root, else "
                               "~/.config/lazymirror/lazymirror.conf",
               .field = &Options::config_file, .flags = OptionSpec::kCommandLine | OptionSpec::kPath},
    OptionSpec{.name = "metrics-file", .value = "FILE", .group = kGeneral,
               .help = "Write metrics into FILE every 15 seconds, in the text format of Prometheus",
               .default_text = "none", .field = &Options::metrics_file,
               .flags = OptionSpec::kPath},
    OptionSpec{.name = "help", .letter = 'h', .group = kGeneral,
               .help = "Show this text and exit",
               .field = &Options::help, .flags = OptionSpec::kCommandLine,
               .commands = kAllCommands},
    OptionSpec{.name = "version", .letter = 'V', .group = kGeneral,
               .help = "Show the versions of the program and its libraries and exit",
               .field = &Options::version, .flags = OptionSpec::kCommandLine,
               .commands = kAllCommands},

    OptionSpec{.name = "io", .value = "auto|passthrough|cached", .group = kMount,
               .help = "Who reads complete files: the kernel straight from the cache "
                       "(passthrough), or this program with pages and listings kept by the "
                       "kernel (cached)",
               .field = &Options::io, .commands = kForMount},
    OptionSpec{.letter = 'o', .value = "OPT[,OPT...]", .group = kMount,
               .help = "Mount options such as exec, of mount also those of FUSE such as "
                       "allow_other, or any option that a config file may have, as in fstab: "
                       "-o ttl=1h,exec",
               .field = &Options::mount_options, .flags = OptionSpec::kCommandLine},

    OptionSpec{.name = "events", .value = "auto|pre-access|access-perm", .group = kWatch,
               .help = "How reads are noticed: with their range (pre-access, Linux 6.14), or not, so "
                       "that opening a file fetches all of it (access-perm)",
               .field = &Options::events, .commands = kForWatch},
    OptionSpec{.name = "fill-on", .value = "read|open", .group = kWatch,
               .help = "When bytes are fetched: those that are read, or the whole file when it is "
                       "opened, for tools that skip the holes of a cache on ext4",
               .field = &Options::fill_on, .commands = kForWatch},
    OptionSpec{.name = "fill-on-open-limit", .value = "SIZE", .group = kWatch,
               .help = "Fetch files up to this size as a whole when they are opened, where tools "
                       "could see that they are filled later (ext4, btrfs); 0: none",
               .field = &Options::fill_on_open_limit, .commands = kForWatch},
    OptionSpec{.name = "shared-filesystem", .group = kWatch,
               .help = "Allow a cache on a file system that holds other things too, such as the "
                       "root file system: files are then guarded one by one",
               .field = &Options::shared_filesystem, .commands = kForWatch},
    OptionSpec{.name = "max-traps", .value = "N", .group = kWatch,
               .help = "How many directories at most wait for a walk into them; beyond that, "
                       "listings are fetched ahead instead",
               .field = &Options::max_traps, .most = 1'000'000, .commands = kForWatch},

    OptionSpec{.name = "cache-location", .value = "DIR", .group = kCache,
               .help = "Where the cache is",
               .default_text = "each URL has a directory of its own below /var/cache/lazymirror for "
                               "root, else below ~/.cache/lazymirror; PATHs of a running tree lead "
                               "to it",
               .field = &Options::cache_location, .flags = OptionSpec::kPath,
               .commands = kServing | kForEvict | kForUnpin | kForLs | kForInfo | kForJobs},
    OptionSpec{.name = "cache-size", .value = "SIZE", .group = kCache,
               .help = "Keep at most this much: what was not used for the longest time goes first",
               .default_text = "80% of what the file system had free at the first start",
               .field = &Options::cache_size},
    OptionSpec{.name = "min-free-space", .value = "SIZE", .group = kCache,
               .help = "Leave this much of the file system to others; a size, or a percentage such "
                       "as 2.5%",
               .field = &Options::min_free_space},

    OptionSpec{.name = "ttl", .value = "TIME", .group = kMetadata,
               .help = "Ask the server again for a listing that is older than this",
               .aliases = "refresh-timeout", .field = &Options::ttl},
    OptionSpec{.name = "negative-ttl", .value = "TIME", .group = kMetadata,
               .help = "Look again for a name that a listing older than this does not show",
               .field = &Options::negative_ttl},
    OptionSpec{.name = "strict-ttl", .group = kMetadata,
               .help = "Wait for the new listing when the old one has expired, instead of showing "
                       "the old one meanwhile",
               .field = &Options::strict_ttl},
    OptionSpec{.name = "timeout", .value = "TIME", .group = kMetadata,
               .help = "A read or listing that waits for the server longer than this fails",
               .field = &Options::timeout},

    OptionSpec{.name = "offline", .group = kOrigin,
               .help = "Start without asking the server for anything: what is cached is shown",
               .field = &Options::offline},
    OptionSpec{.name = "username", .letter = 'u', .value = "NAME", .group = kOrigin,
               .help = "User name for the server", .field = &Options::username},
    OptionSpec{.name = "password", .letter = 'p', .value = "TEXT", .group = kOrigin,
               .help = "Password for the server; better kept in a config or netrc file",
               .field = &Options::password, .flags = OptionSpec::kSecret},
    OptionSpec{.name = "netrc", .group = kOrigin,
               .help = "Take user name and password from ~/.netrc", .field = &Options::netrc},
    OptionSpec{.name = "netrc-file", .value = "FILE", .group = kOrigin,
               .help = "Take user name and password from FILE, written as netrc(5)",
               .field = &Options::netrc_file, .flags = OptionSpec::kPath},
    OptionSpec{.name = "header", .value = "\"NAME: VALUE\"", .group = kOrigin,
               .help = "Send this header with every request; may be given several times",
               .aliases = "http-header", .field = &Options::headers, .flags = OptionSpec::kSecret},
    OptionSpec{.name = "user-agent", .value = "TEXT", .group = kOrigin,
               .help = "What to call ourselves", .default_text = "lazymirror/VERSION",
               .field = &Options::user_agent},
    OptionSpec{.name = "proxy", .letter = 'P', .value = "URL[,URL...]", .group = kOrigin,
               .help = "Ask through this proxy, written as for curl(1), or the first of these that "
                       "can be reached; direct: without one",
               .default_text = "http_proxy, https_proxy and no_proxy of the environment",
               .field = &Options::proxy},
    OptionSpec{.name = "proxy-username", .value = "NAME", .group = kOrigin,
               .help = "User name for the proxy", .field = &Options::proxy_username},
    OptionSpec{.name = "proxy-password", .value = "TEXT", .group = kOrigin,
               .help = "Password for the proxy", .field = &Options::proxy_password,
               .flags = OptionSpec::kSecret},
    OptionSpec{.name = "cacert", .value = "FILE", .group = kOrigin,
               .help = "Trust the certificates of FILE only", .default_text = "the system's",
               .field = &Options::ca_file, .flags = OptionSpec::kPath},
    OptionSpec{.name = "capath", .value = "DIR", .group = kOrigin,
               .help = "Trust the certificates of DIR only", .default_text = "the system's",
               .field = &Options::ca_path, .flags = OptionSpec::kPath},
    OptionSpec{.name = "proxy-cacert", .value = "FILE", .group = kOrigin,
               .help = "As --cacert, for an https proxy", .default_text = "the system's",
               .field = &Options::proxy_ca_file, .flags = OptionSpec::kPath},
    OptionSpec{.name = "proxy-capath", .value = "DIR", .group = kOrigin,
               .help = "As --capath, for an https proxy", .default_text = "the system's",
               .field = &Options::proxy_ca_path, .flags = OptionSpec::kPath},
    OptionSpec{.name = "insecure-tls", .group = kOrigin,
               .help = "Do not check the server's certificate: anybody may then answer in its name",
               .field = &Options::insecure_tls},
    OptionSpec{.name = "connections", .value = "N", .group = kOrigin,
               .help = "Connections to the server at the same time", .aliases = "max-conns",
               .field = &Options::connections, .least = 1, .most = 256},
    OptionSpec{.name = "look-ahead", .value = "on|off", .group = kOrigin,
               .help = "Fetch what will probably be asked for next: the listings of subdirectories, "
                       "small files beside those that are read",
               .field = &Options::look_ahead},
    OptionSpec{.name = "bandwidth-limit", .value = "SIZE", .group = kOrigin,
               .help = "Fetch at most this much a second, in all",
               .default_text = "none", .field = &Options::bandwidth_limit},
    OptionSpec{.name = "retries", .value = "N", .group = kOrigin,
               .help = "How often to try again what failed for a passing reason",
               .field = &Options::retries, .most = 100},
    OptionSpec{.name = "connect-timeout", .value = "TIME", .group = kOrigin,
               .help = "Give up on a connection that is not made within this time",
               .field = &Options::connect_timeout},
    OptionSpec{.name = "low-speed-time", .value = "TIME", .group = kOrigin,
               .help = "Break off a transfer that stands still for this time",
               .field = &Options::low_speed_time},

    OptionSpec{.name = "json", .group = kAnswers,
               .help = "Answer in JSON, one object a line; times in seconds since 1970, paths "
                       "percent-encoded",
               .field = &Options::json, .flags = OptionSpec::kCommandLine,
               .commands = kForStatus | kForLs | kForInfo | kForJobs},
    OptionSpec{.name = "metrics", .group = kAnswers,
               .help = "Answer with metrics in the text format of Prometheus",
               .field = &Options::metrics, .flags = OptionSpec::kCommandLine,
               .commands = kForStatus},
    OptionSpec{.name = "cached", .group = kAnswers,
               .help = "Show what is here of each file, as is done anyway",
               .field = &Options::cached, .flags = OptionSpec::kCommandLine, .commands = kForLs},

    OptionSpec{.name = "recursive", .letter = 'r', .group = kJobs,
               .help = "All below a directory, not only what is in it",
               .field = &Options::recursive, .flags = OptionSpec::kCommandLine,
               .commands = kForSteps | kForEvict},
    OptionSpec{.name = "metadata", .group = kJobs,
               .help = "Listings and sizes only, no bytes of files",
               .field = &Options::metadata, .flags = OptionSpec::kCommandLine,
               .commands = kForFetch},

    OptionSpec{.name = "size", .value = "SIZE", .group = kImage,
               .help = "How large the file system is; the image takes only what is used of it",
               .default_text = "100G", .field = &Options::size,
               .flags = OptionSpec::kCommandLine, .commands = kForMkcache},

    OptionSpec{.name = "mode", .value = "mount|watch", .group = kTree,
               .help = "How the tree is shown when the command line does not say it",
               .field = &Options::mode, .flags = OptionSpec::kFile},
    OptionSpec{.name = "url", .value = "URL", .group = kTree,
               .help = "The tree, when the command line names none",
               .field = &Options::url, .flags = OptionSpec::kFile},
    OptionSpec{.name = "directory", .value = "DIR", .group = kTree,
               .help = "The mount point; of watch another place to show the tree at",
               .field = &Options::directory, .flags = OptionSpec::kFile | OptionSpec::kPath},

    // Accepted so that the ancestor's command lines work unchanged.
    OptionSpec{.name = "debug", .letter = 'd', .group = kAncestor,
               .help = "As --foreground --log-level=debug", .field = &Options::debug,
               .flags = OptionSpec::kHidden},
    OptionSpec{.name = "fanotify", .group = kAncestor, .help = "As the command watch",
               .field = &Options::fanotify,
               .flags = OptionSpec::kHidden | OptionSpec::kCommandLine, .commands = kForWatch},
    OptionSpec{.name = "cache", .group = kAncestor, .help = "There is always a cache",
               .flags = OptionSpec::kHidden},
    OptionSpec{.name = "dl-seg-size", .value = "MB", .group = kAncestor,
               .help = "Chunks have a size of their own", .flags = OptionSpec::kHidden},
    OptionSpec{.name = "retry-wait", .value = "TIME", .group = kAncestor,
               .help = "Retries wait longer each time", .flags = OptionSpec::kHidden},
    OptionSpec{.name = "no-range-check", .group = kAncestor,
               .help = "Servers without ranges are recognised", .flags = OptionSpec::kHidden},
};
// clang-format on

char same(char c) { return c == '_' ? '-' : c; }

bool equal_name(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (same(a[i]) != same(b[i])) return false;
  }
  return true;
}

bool has_alias(std::string_view aliases, std::string_view name) {
  while (!aliases.empty()) {
    const auto blank = aliases.find(' ');
    if (equal_name(aliases.substr(0, blank), name)) return true;
    aliases = blank == aliases.npos ? std::string_view() : aliases.substr(blank + 1);
  }
  return false;
}

// How many letters must be put in, taken out or replaced (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (same(a[i - 1]) == same(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::span<const OptionSpec> option_table() { return kTable; }

const OptionSpec* find_option(std::string_view name) {
  if (name.empty()) return nullptr;
  for (const OptionSpec& option : kTable) {
    if (equal_name(option.name, name) || has_alias(option.aliases, name)) return &option;
  }
  return nullptr;
}

std::string_view nearest_option(std::string_view name) {
  // A third of the letters may be wrong; beyond that a guess only confuses.
  std::size_t best = name.size() / 3 + 1;
  std::string_view found;
  for (const OptionSpec& option : kTable) {
    if (!option.is_shown() || option.name.empty()) continue;
    const bool prefix = name.size() >= 3 && option.name.starts_with(name);
    const std::size_t d = prefix ? 1 : distance(name, option.name);
    if (d < best || (d == best && found.empty())) {
      best = d;
      found = option.name;
    }
  }
  return found;
}

std::string shown_name(const OptionSpec& option) {
  if (option.name.empty()) return std::string("-") + option.letter;
  return "--" + std::string(option.name);
}

Failure belongs_elsewhere(const OptionSpec& option, Command command) {
  const std::string name(command_spec(command).name);
  return fail(Errc::invalid, shown_name(option) + " is for " + command_names(option.commands) +
                                 ", not for " + name + ": leave it out (see lazymirror " + name +
                                 " --help)");
}

}  // namespace lazymirror
