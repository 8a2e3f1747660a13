// SPDX-License-Identifier: Apache-2.0
#include "http/status.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace lazymirror {
namespace {

constexpr std::array<std::pair<long, std::string_view>, 20> kNames{{
    {204, "No Content"},
    {206, "Partial Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {410, "Gone"},
    {412, "Precondition Failed"},
    {416, "Range Not Satisfiable"},
    {429, "Too Many Requests"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
}};

Errc status_code(long status) {
  switch (status) {
    case 401:
    case 403:
    case 407:
    case 451: return Errc::denied;
    case 404:
    case 410: return Errc::not_found;
    default: return is_transient(status) ? Errc::unreachable : Errc::bad_reply;
  }
}

}  // namespace

std::string status_text(long status) {
  const auto* const found =
      std::find_if(kNames.begin(), kNames.end(), [&](auto& n) { return n.first == status; });
  if (found == kNames.end()) return std::to_string(status);
  return std::to_string(status) + " (" + std::string(found->second) + ")";
}

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool asks_for_less(long status) { return status == 429 || status == 503; }

bool is_transient(long status) {
  if (status == 408 || status == 429) return true;
  return status >= 500 && status != 501 && status != 505;
}

Error status_error(long status) {
  std::string text = "the server answered " + status_text(status);
  if (status == 401) text += ": give a user name and password (-u, -p or --netrc)";
  if (status == 407) text += ": give the proxy's user name and password";
  return {status_code(status), std::move(text), 0};
}

bool is_without_contact(CURLcode code) {
  return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST ||
         code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_INTERFACE_FAILED;
}

TransportFailure transport_failure(CURLcode code, const std::string& detail) {
  std::string text = detail.empty() ? curl_easy_strerror(code) : detail;
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return {{Errc::timeout, std::move(text), 0}, true};
    case CURLE_PEER_FAILED_VERIFICATION:
      text += ": if its certificate is to be trusted, name its CA (--cacert)";
      return {{Errc::unreachable, std::move(text), 0}, false};
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_INITFAILED: return {{Errc::unreachable, std::move(text), 0}, false};
    case CURLE_UNSUPPORTED_PROTOCOL:  // an answer that is not HTTP ("HTTP/0.9")
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_FILESIZE_EXCEEDED: return {{Errc::bad_reply, std::move(text), 0}, false};
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {{Errc::unreachable, std::move(text), 0}, code != CURLE_URL_MALFORMAT};
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_BAD_FUNCTION_ARGUMENT: return {{Errc::internal, std::move(text), 0}, false};
    default: return {{Errc::unreachable, std::move(text), 0}, true};
  }
}

}  // namespace lazymirror
