// SPDX-License-Identifier: Apache-2.0
#include "http/proxy_choice.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "http/header_values.h"

namespace lazymirror {
namespace {

Result<> check_proxy(const std::string& proxy) {
  if (proxy.empty()) return fail(Errc::invalid, "a proxy in the list is empty");
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  const CURLUcode code =
      curl_url_set(url.get(), CURLUPART_URL, proxy.c_str(),
                   CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME | CURLU_NO_AUTHORITY);
  if (code == CURLUE_OK) return {};
  return fail(Errc::invalid, "'" + proxy + "' is not a usable proxy: " + curl_url_strerror(code));
}

}  // namespace

Result<ProxyChoice> ProxyChoice::parse(std::string_view list) {
  ProxyChoice choice;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    std::string proxy(without_ows(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (iequals(proxy, "direct")) {
      proxy.clear();
    } else if (auto r = check_proxy(proxy); !r) {
      return fail(std::move(r.error()));
    }
    choice.proxies_.push_back({std::move(proxy), std::nullopt});
  }
  return choice;
}

bool ProxyChoice::is_usable(const Proxy& proxy, SteadyTime now) {
  return !proxy.failed || now - *proxy.failed >= kPassedOver;
}

// When none can be reached, the one that has not been tried for the longest.
std::optional<std::string> ProxyChoice::current(SteadyTime now) const {
  if (proxies_.empty()) return std::nullopt;
  const auto usable = std::find_if(proxies_.begin(), proxies_.end(),
                                   [&](const Proxy& p) { return is_usable(p, now); });
  if (usable != proxies_.end()) return usable->url;
  return std::min_element(proxies_.begin(), proxies_.end(),
                          [](const Proxy& a, const Proxy& b) { return *a.failed < *b.failed; })
      ->url;
}

bool ProxyChoice::failed(const std::string& proxy, SteadyTime now) {
  for (Proxy& p : proxies_) {
    if (p.url == proxy) p.failed = now;
  }
  return std::any_of(proxies_.begin(), proxies_.end(),
                     [&](const Proxy& p) { return is_usable(p, now); });
}

void ProxyChoice::worked(const std::string& proxy) {
  for (Proxy& p : proxies_) {
    if (p.url == proxy) p.failed.reset();
  }
}

}  // namespace lazymirror
