// SPDX-License-Identifier: Apache-2.0
#include "http/easy_setup.h"

#include <fcntl.h>

#include <algorithm>

#include "base/file_io.h"
#include "http/proxy_choice.h"

namespace lazymirror {
namespace {

constexpr long kBulkBuffer = 512 * 1024;  // libcurl's maximum
constexpr long kSmallBuffer = 16 * 1024;
constexpr long kLeastBuffer = 1024;  // libcurl's minimum

class Setter {
 public:
  explicit Setter(CURL* easy) : easy_(easy) {}

  template <typename T>
  void set(CURLoption option, T value) {
    if (code_ == CURLE_OK) code_ = curl_easy_setopt(easy_, option, value);
  }
  void set(CURLoption option, const std::string& value) { set(option, value.c_str()); }
  void set_if(CURLoption option, const std::string& value) {
    if (!value.empty()) set(option, value);
  }
  void fail(CURLcode code) {
    if (code_ == CURLE_OK) code_ = code;
  }
  [[nodiscard]] CURLcode code() const { return code_; }

 private:
  CURL* easy_;
  CURLcode code_ = CURLE_OK;
};

long in_seconds(Duration duration) {
  return std::max(1L, static_cast<long>((duration.count() + 999) / 1000));
}

// With a limit on bandwidth, one read is not to overdraw it by much.
long buffer_size(const OriginOptions& options, const Ask& ask) {
  const long usual = ask.bulk ? kBulkBuffer : kSmallBuffer;
  if (options.bandwidth_limit == 0) return usual;
  constexpr std::uint64_t kReadsPerSecond = 100;
  const auto most = static_cast<std::uint64_t>(usual);
  return std::max(kLeastBuffer,
                  static_cast<long>(std::min(most, options.bandwidth_limit / kReadsPerSecond)));
}

void set_limits(Setter& s, const OriginOptions& options, const Ask& ask) {
  s.set(CURLOPT_NOSIGNAL, 1L);
  // A name lookup that hangs must not hold up the thread when its transfer is
  // given up: the resolver's thread is then left to end by itself.
  s.set(CURLOPT_QUICK_EXIT, 1L);
  s.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  s.set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(options.low_speed_bytes));
  s.set(CURLOPT_LOW_SPEED_TIME, in_seconds(options.low_speed_time));
  s.set(CURLOPT_TCP_KEEPALIVE, 1L);
  s.set(CURLOPT_BUFFERSIZE, buffer_size(options, ask));
}

void set_protocol(Setter& s, const OriginOptions& options, const Url& target, const Ask& ask) {
  s.set(CURLOPT_PROTOCOLS_STR, "http,https");
  s.set(CURLOPT_FOLLOWLOCATION, 0L);
  const long version = ask.apart ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS;
  s.set(CURLOPT_HTTP_VERSION, version);
  // Requests share a connection that is still being set up. Without TLS there
  // is no HTTP/2 to wait for.
  s.set(CURLOPT_PIPEWAIT, target.scheme() == "https" && !ask.apart ? 1L : 0L);
  s.set_if(CURLOPT_USERAGENT, options.user_agent);
}

void set_tls(Setter& s, const OriginOptions& options) {
  s.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  s.set_if(CURLOPT_CAINFO, options.ca_file);
  s.set_if(CURLOPT_CAPATH, options.ca_path);
  if (!options.insecure_tls) return;
  s.set(CURLOPT_SSL_VERIFYPEER, 0L);
  s.set(CURLOPT_SSL_VERIFYHOST, 0L);
}

void set_way(Setter& s, const OriginOptions& options, const Way& way) {
  if (way.proxy) s.set(CURLOPT_PROXY, *way.proxy);
  // Whole seconds, and 0 would mean any age.
  if (way.newer_than) {
    s.set(CURLOPT_MAXLIFETIME_CONN,
          std::max(1L, static_cast<long>(way.newer_than->count() / 1000)));
  }
  if (way.look_up_again) s.set(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
  s.set_if(CURLOPT_PROXYUSERNAME, options.proxy_username);
  s.set_if(CURLOPT_PROXYPASSWORD, options.proxy_password);
  s.set_if(CURLOPT_PROXY_CAINFO, options.proxy_ca_file);
  s.set_if(CURLOPT_PROXY_CAPATH, options.proxy_ca_path);
  s.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

void set_credentials(Setter& s, const OriginOptions& options) {
  const bool own = !options.username.empty();
  const std::string& user = own ? options.username : options.base.user();
  const std::string& password = own ? options.password : options.base.password();
  if (!user.empty() || !password.empty()) {
    s.set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
    s.set(CURLOPT_USERNAME, user);
    s.set(CURLOPT_PASSWORD, password);
    return;
  }
  if (!options.netrc && options.netrc_file.empty()) return;
  s.set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
  s.set_if(CURLOPT_NETRC_FILE, options.netrc_file);
}

void append(HeaderList& list, Setter& s, const std::string& line) {
  curl_slist* const longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return s.fail(CURLE_OUT_OF_MEMORY);
  static_cast<void>(list.release());  // it is the head of `longer`, or was empty
  list.reset(longer);
}

void set_question(Setter& s, const Ask& ask, HeaderList& headers) {
  s.set(CURLOPT_NOBODY, ask.head ? 1L : 0L);
  if (ask.listing) {
    s.set(CURLOPT_ACCEPT_ENCODING, "");  // all that this libcurl can undo
  } else {
    s.set(CURLOPT_ACCEPT_ENCODING, "identity");
    s.set(CURLOPT_HTTP_CONTENT_DECODING, 0L);  // refused by us, with a reason
  }
  if (ask.range) {
    s.set(CURLOPT_RANGE,
          std::to_string(ask.range->begin) + "-" + std::to_string(ask.range->end - 1));
  }
  if (!ask.if_range.empty()) append(headers, s, "If-Range: " + ask.if_range);
  if (!ask.if_none_match.empty()) append(headers, s, "If-None-Match: " + ask.if_none_match);
  if (!ask.if_modified_since.empty()) {
    append(headers, s, "If-Modified-Since: " + ask.if_modified_since);
  }
  if (ask.past_caches) append(headers, s, "Cache-Control: no-cache");
}

Result<> check_header(const std::string& line) {
  const auto colon = line.find(':');
  if (colon == 0 || colon == line.npos || line.find_first_of("\r\n") != line.npos ||
      line.find('\0') != line.npos) {
    return fail(Errc::invalid, "'" + line + "' is not a header: write it as 'Name: value'");
  }
  return {};
}

Result<> check_readable(const std::string& path) {
  if (path.empty()) return {};
  auto fd = open_fd(AT_FDCWD, path, O_RDONLY);
  if (!fd) return fail(Errc::io, fd.error().message);
  return {};
}

}  // namespace

Result<> check_options(const OriginOptions& options) {
  for (const std::string& line : options.headers) {
    if (auto r = check_header(line); !r) return r;
  }
  for (const std::string* path : {&options.netrc_file, &options.ca_file, &options.ca_path,
                                  &options.proxy_ca_file, &options.proxy_ca_path}) {
    if (auto r = check_readable(*path); !r) return r;
  }
  if (auto r = ProxyChoice::parse(options.proxy); !r) return fail(std::move(r.error()));
  if (options.connections == 0) return fail(Errc::invalid, "at least one connection is needed");
  if (options.low_speed_time <= Duration{0}) {
    return fail(Errc::invalid, "the time after which a silent server is given up must be positive");
  }

  const EasyHandle easy(curl_easy_init());
  HeaderList headers;
  const CURLcode code =
      easy ? prepare_easy(easy.get(), options, options.base, {}, {}, headers) : CURLE_FAILED_INIT;
  if (code == CURLE_OK) return {};
  return fail(Errc::invalid, "libcurl refuses the options for " + options.base.str() + ": " +
                                 curl_easy_strerror(code));
}

CURLcode prepare_easy(CURL* easy, const OriginOptions& options, const Url& target, const Ask& ask,
                      const Way& way, HeaderList& headers) {
  headers.reset();
  Setter s(easy);
  s.set(CURLOPT_URL, target.str());
  s.set(CURLOPT_PATH_AS_IS, 1L);  // what was checked is what is sent
  set_limits(s, options, ask);
  set_protocol(s, options, target, ask);
  set_tls(s, options);
  set_way(s, options, way);
  set_question(s, ask, headers);
  if (target.same_origin(options.base)) {
    set_credentials(s, options);
    for (const std::string& line : options.headers) append(headers, s, line);
  }
  if (headers) s.set(CURLOPT_HTTPHEADER, headers.get());
  return s.code();
}

}  // namespace lazymirror
