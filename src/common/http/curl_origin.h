// SPDX-License-Identifier: Apache-2.0
//
// The Origin over libcurl: one thread owns the multi handle and every easy
// handle. libcurl's own facilities do redirects, authentication, proxies, TLS,
// connection reuse and HTTP/2; header values are read with the header API
// (curl_easy_header(3)).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/origin.h"

namespace lazymirror {

struct OriginOptions {
  Url base;  // user information in it is used for Basic auth
  std::string username{}, password{};
  std::string netrc_file{};            // empty: none; "~" rules of curl do not apply
  bool netrc = false;                  // use ~/.netrc
  std::vector<std::string> headers{};  // "Name: value", sent with every request to the origin
  std::string user_agent{};
  std::string proxy{};  // a list, as of Origin::set_proxy()
  std::string proxy_username{}, proxy_password{};
  std::string ca_file{}, ca_path{}, proxy_ca_file{}, proxy_ca_path{};
  bool insecure_tls = false;
  unsigned connections = 8;           // at once, to one host, for HTTP/1.1
  unsigned streams = 100;             // at once over HTTP/2
  std::uint64_t bandwidth_limit = 0;  // bytes a second of all transfers together; 0: none
  unsigned retries = 4;               // after the first attempt
  unsigned redirects = 5;
  Duration connect_timeout{10'000};
  Duration low_speed_time{20'000};  // slower than low_speed_bytes/s for so long: broken off
  unsigned low_speed_bytes = 1;
  Duration retry_delay{500};  // doubled each time, with jitter, at most 30 s
  std::size_t max_listing_bytes = 64u << 20;
};

// Starts the network thread. The program has called curl_global_init(3). The
// options' credentials, netrc and headers go to the origin of `base` only, never
// to another one that it redirects to. Errc::invalid for options that libcurl
// refuses, Errc::io when a CA or netrc file cannot be read.
[[nodiscard]] Result<std::unique_ptr<Origin>> make_curl_origin(OriginOptions options);

// "libcurl/7.88.1 OpenSSL/3.0 nghttp2/1.52": for --version.
[[nodiscard]] std::string curl_version_text();

}  // namespace lazymirror
