// SPDX-License-Identifier: Apache-2.0
//
// Default places of files. Neither HOME nor PATH needs to be set (mount units
// of systemd have neither): a missing HOME is looked up in the user database.
#pragma once

#include <string>

#include "base/result.h"
#include "base/url.h"

namespace lazymirror {

// Who runs us and where his files are; empty: unknown.
struct Surroundings {
  bool root = false;
  std::string home;
  std::string xdg_config_home;
  std::string xdg_cache_home;
  std::string working_directory;

  [[nodiscard]] static Surroundings of_this_process();
};

// Empty when there is no place for it.
[[nodiscard]] std::string default_config_file(const Surroundings& user);

// A directory of its own for each URL, so that several can be mounted without
// naming one: "<place>/cdn.kernel.org_pub-1a2b3c4d". Errc::invalid when there
// is no place.
[[nodiscard]] Result<std::string> default_cache_location(const Surroundings& user, const Url& url);

// "cdn.kernel.org_pub-1a2b3c4d": safe as a name, told apart by the hash of the
// whole URL (FNV-1a: the same for ever, unlike std::hash).
[[nodiscard]] std::string cache_name(const Url& url);

}  // namespace lazymirror
