// SPDX-License-Identifier: Apache-2.0
//
// Every option a user can set, as plain data with its default. The option
// table (option_table.h) fills it from the command line and the config file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace lazymirror {

struct Options {
  std::vector<std::string> command_line;  // the words that said all this, but for the files

  // What to do
  std::string url;
  std::string mountpoint;              // of mount
  std::string shown_at;                // of watch, besides the cache; empty: nowhere
  std::string tree;                    // of stop, status, reload: a cache, or where it is shown
  std::vector<std::string> paths;      // of evict, ls, info, fetch, refresh, verify
  std::string image, image_directory;  // of mkcache

  // The same in a config file
  std::string mode = "mount";  // mount watch
  std::string directory;       // the mount point, or another place to show the tree

  // General
  std::string config_file;         // given by --config; empty: the default place
  std::string log_level = "info";  // trace debug info warning error off
  bool foreground = false;
  std::string metrics_file;  // empty: none
  bool debug = false;        // the ancestor's -d: foreground and log_level debug
  bool help = false;
  bool version = false;

  // Mount
  std::string io = "auto";                 // auto passthrough cached
  std::vector<std::string> mount_options;  // of -o, split at commas

  // Watch
  bool fanotify = false;                        // the ancestor's word for watch
  std::string events = "auto";                  // auto pre-access access-perm
  std::string fill_on = "read";                 // read open
  std::uint64_t fill_on_open_limit = 1u << 20;  // bytes; 0: never
  bool shared_filesystem = false;
  unsigned max_traps = 1'000;

  // Answers
  bool json = false;
  bool metrics = false;
  bool cached = false;  // what ls tells anyway

  // Jobs
  bool recursive = false;
  bool metadata = false;

  // Image
  std::uint64_t size = 0;  // bytes; 0: not given

  // Cache
  std::string cache_location;         // empty: the default place
  std::uint64_t cache_size = 0;       // bytes; 0: settled by the cache itself
  std::string min_free_space = "5%";  // of its file system; a size or a percentage

  // Metadata
  Duration ttl{300'000};
  Duration negative_ttl{30'000};
  bool strict_ttl = false;
  Duration timeout{60'000};

  // Origin
  bool offline = false;
  std::string username, password;
  bool netrc = false;
  std::string netrc_file;
  std::vector<std::string> headers;
  std::string user_agent;  // empty: lazymirror/VERSION
  std::string proxy, proxy_username, proxy_password;
  std::string ca_file, ca_path, proxy_ca_file, proxy_ca_path;
  bool insecure_tls = false;
  unsigned connections = 8;
  std::string look_ahead = "on";      // on off
  std::uint64_t bandwidth_limit = 0;  // bytes a second; 0: none
  unsigned retries = 4;
  Duration connect_timeout{10'000};
  Duration low_speed_time{20'000};
};

}  // namespace lazymirror
