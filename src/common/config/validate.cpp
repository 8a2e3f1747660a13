// SPDX-License-Identifier: Apache-2.0
#include "config/validate.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/units.h"
#include "base/url.h"

namespace lazymirror {
namespace {

Failure wrong(std::string sentence) { return fail(Errc::invalid, std::move(sentence)); }

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c;
  });
  return out;
}

// RFC 9110 section 5.6.2.
bool is_token(std::string_view name) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != kMarks.npos;
  });
}

// The value may be a secret and is not repeated.
Result<> check_header(const std::string& header) {
  static constexpr std::array<std::string_view, 6> kOurs = {
      "range", "if-range", "accept-encoding", "if-match", "if-none-match", "content-length"};
  const auto colon = header.find(':');
  const std::string name = header.substr(0, colon);
  if (colon == header.npos || !is_token(name)) {
    return wrong("--header needs the form \"Name: value\"");
  }
  if (header.find_first_of("\r\n") != header.npos) {
    return wrong("--header '" + name + "': a value must be one line");
  }
  if (std::ranges::find(kOurs, lower(name)) != kOurs.end()) {
    return wrong("--header '" + name + "': lazymirror sets this header itself: leave it out");
  }
  return {};
}

Result<> check_credentials(const Options& options, const Url& url) {
  const bool netrc = options.netrc || !options.netrc_file.empty();
  const std::array given = {!options.username.empty(), !url.user().empty(), netrc};
  if (std::ranges::count(given, true) > 1) {
    return wrong(
        "user names come from more than one place: keep one of --username, the URL and netrc");
  }
  if (!options.password.empty() && options.username.empty()) {
    return wrong("--password needs --username");
  }
  if (!options.proxy_password.empty() && options.proxy_username.empty()) {
    return wrong("--proxy-password needs --proxy-username");
  }
  if (!options.proxy_username.empty() && options.proxy.empty()) {
    return wrong("--proxy-username needs --proxy");
  }
  return {};
}

Result<> check_times(const Options& options) {
  struct Rule {
    const char* name;
    Duration value;
  };
  for (const Rule& rule :
       {Rule{"--timeout", options.timeout}, Rule{"--connect-timeout", options.connect_timeout},
        Rule{"--low-speed-time", options.low_speed_time}}) {
    if (rule.value < Duration(1)) {
      return wrong(std::string(rule.name) + " must be longer than 0, as no wait may last for ever");
    }
  }
  return {};
}

bool is_within(const std::string& path, const std::string& directory) {
  const auto p = std::filesystem::path(path).lexically_normal().string();
  auto d = std::filesystem::path(directory).lexically_normal().string();
  while (d.size() > 1 && d.ends_with('/')) d.pop_back();
  return p == d || p.starts_with(d == "/" ? d : d + "/");
}

Result<> check_places(const Options& options) {
  const bool mount = !options.mountpoint.empty();
  const std::string& place = mount ? options.mountpoint : options.shown_at;
  if (options.cache_location.empty() || place.empty()) return {};
  const std::string name = (mount ? "the mount point " : "the directory ") + place;
  if (is_within(options.cache_location, place)) {
    return wrong("the cache " + options.cache_location + " lies in " + name +
                 ", which will hide it: choose a place outside");
  }
  if (is_within(place, options.cache_location)) {
    return wrong(name + " lies in the cache " + options.cache_location +
                 ": choose a place outside" + (mount ? "" : ", or - for CACHE/data alone"));
  }
  return {};
}

Result<> check_quota(const Options& options) {
  constexpr std::uint64_t kLeast = 1u << 20;
  if (options.cache_size != 0 && options.cache_size < kLeast) {
    return wrong("--cache-size: " + format_size(options.cache_size) + " is too small: give " +
                 format_size(kLeast) + " or more");
  }
  const auto share = parse_share(options.min_free_space);
  return share ? Result<>() : wrong("--min-free-space: " + share.error().message);
}

Result<> check_tls(const Options& options) {
  const bool ca = !options.ca_file.empty() || !options.ca_path.empty();
  if (options.insecure_tls && ca) {
    return wrong("--insecure-tls makes --cacert and --capath useless: keep one of them");
  }
  return {};
}

// What FUSE would judge has nobody else here.
Result<> check_watch_options(const Options& options) {
  static constexpr std::array<std::string_view, 5> kKnown = {"ro", "exec", "noexec", "nosuid",
                                                             "nodev"};
  for (const std::string& item : options.mount_options) {
    if (std::ranges::find(kKnown, item) != kKnown.end()) continue;
    return wrong("-o " + item +
                 " is not for watch: known are exec, noexec, ro, nosuid, nodev and " +
                 "every option of lazymirror watch --help without its dashes");
  }
  return {};
}

Result<> validate_image(const Options& options) {
  constexpr std::uint64_t kLeast = 300ull << 20;  // mkfs.xfs(8)
  if (options.size == 0 || options.size >= kLeast) return {};
  return wrong("--size: " + format_size(options.size) + " is too small for XFS: give " +
               format_size(kLeast) + " or more");
}

Result<> validate_serving(const Options& options) {
  const auto url = Url::parse(options.url);
  if (!url) return fail(url.error());
  if (!url->query().empty()) {
    return wrong("the URL has a query ('?...'), but a tree is found by paths: leave it out");
  }
  for (const std::string& header : options.headers) {
    if (auto r = check_header(header); !r) return r;
  }
  for (const auto check : {check_times, check_places, check_quota, check_tls}) {
    if (auto r = check(options); !r) return r;
  }
  return check_credentials(options, *url);
}

}  // namespace

Result<> validate(Command command, const Options& options) {
  if (command == Command::mkcache) return validate_image(options);
  if (!includes(kServing, command)) return {};
  if (command == Command::watch) {
    if (auto r = check_watch_options(options); !r) return r;
  }
  return validate_serving(options);
}

}  // namespace lazymirror
