// SPDX-License-Identifier: Apache-2.0
#include "cli/version_text.h"

#include <spdlog/version.h>

#include <string_view>

#include "cache/catalog.h"
#include "cli/git_commit.h"  // made by the build: kGitCommit
#include "fuse/mount.h"
#include "http/curl_origin.h"
#include "listing/libxml2_version.h"

namespace lazymirror::cli {
namespace {

// The rooms give either "3.40.1" or the name as well.
std::string line(std::string_view name, const std::string& version) {
  const bool named = version.starts_with(name);
  return "  " + (named ? version : std::string(name) + " " + version) + "\n";
}

}  // namespace

std::string version_text() {
  const std::string_view commit = kGitCommit;
  std::string out = "lazymirror " LAZYMIRROR_VERSION;
  if (!commit.empty()) out += " (" + std::string(commit) + ")";
  out += "\n";
  out += line("libfuse", fuse::version_text());
  out += line("libcurl", curl_version_text());
  out += line("libxml2", libxml2_version_text());
  out += line("sqlite", sqlite_version_text());
  out += line("spdlog", std::to_string(SPDLOG_VER_MAJOR) + "." + std::to_string(SPDLOG_VER_MINOR) +
                            "." + std::to_string(SPDLOG_VER_PATCH));
  return out;
}

}  // namespace lazymirror::cli
