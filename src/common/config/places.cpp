// SPDX-License-Identifier: Apache-2.0
#include "config/places.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

namespace lazymirror {
namespace {

// The XDG base directory specification: a relative path is to be ignored.
std::string absolute_variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && value[0] == '/' ? value : "";
}

std::string home_of_user() {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0) return {};
  return found != nullptr && found->pw_dir != nullptr ? found->pw_dir : "";
}

std::string below(const std::string& xdg, const std::string& home, const char* usual) {
  if (!xdg.empty()) return xdg + "/lazymirror";
  return home.empty() ? std::string() : home + "/" + usual + "/lazymirror";
}

std::uint32_t fnv1a(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-';
}

}  // namespace

Surroundings Surroundings::of_this_process() {
  Surroundings user;
  user.root = ::geteuid() == 0;
  user.home = absolute_variable("HOME");
  if (user.home.empty()) user.home = home_of_user();
  user.xdg_config_home = absolute_variable("XDG_CONFIG_HOME");
  user.xdg_cache_home = absolute_variable("XDG_CACHE_HOME");
  std::error_code error;
  user.working_directory = std::filesystem::current_path(error).string();
  return user;
}

std::string default_config_file(const Surroundings& user) {
  if (user.root) return "/etc/lazymirror/lazymirror.conf";
  const std::string place = below(user.xdg_config_home, user.home, ".config");
  return place.empty() ? place : place + "/lazymirror.conf";
}

std::string cache_name(const Url& url) {
  const std::string text = url.as_directory().str();
  // The port distinguishes servers on one host for a human reader as well.
  std::string name = text.substr(text.find("://") + 3);
  while (name.ends_with('/')) name.pop_back();
  for (char& c : name) c = is_plain(c) ? c : '_';
  name.resize(std::min<std::size_t>(name.size(), 100));  // NAME_MAX is 255
  std::array<char, 16> hash{};
  std::snprintf(hash.data(), hash.size(), "-%08x", fnv1a(text));
  return name + hash.data();
}

Result<std::string> default_cache_location(const Surroundings& user, const Url& url) {
  const std::string place =
      user.root ? "/var/cache/lazymirror" : below(user.xdg_cache_home, user.home, ".cache");
  if (place.empty()) {
    return fail(Errc::invalid,
                "there is no place for the cache, as this user has no home directory: give one "
                "with --cache-location");
  }
  return place + "/" + cache_name(url);
}

}  // namespace lazymirror
