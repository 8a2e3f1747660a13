// SPDX-License-Identifier: Apache-2.0
#include "base/url.h"

#include <curl/curl.h>

#include <memory>

namespace lazymirror {
namespace {

struct UrlDeleter {
  void operator()(CURLU* handle) const { curl_url_cleanup(handle); }
};
using UrlHandle = std::unique_ptr<CURLU, UrlDeleter>;

std::string part(CURLU* handle, CURLUPart what, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, what, &text, flags) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

// For messages, which end up in logs.
std::string without_user(const std::string& text) {
  const auto slashes = text.find("://");
  if (slashes == text.npos) return text;
  const auto begin = slashes + 3;
  const auto at = text.rfind('@');  // a password that is not encoded may hold anything before
  return at == text.npos || at < begin ? text : text.substr(0, begin) + text.substr(at + 1);
}

// Host names do not depend on case (RFC 3986 section 6.2.2.1); libcurl leaves
// them as they are.
void lower_host(CURLU* handle) {
  std::string host = part(handle, CURLUPART_HOST);
  for (char& c : host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  curl_url_set(handle, CURLUPART_HOST, host.c_str(), 0);
}

Result<> set(CURLU* handle, const std::string& text, unsigned flags) {
  const CURLUcode code = curl_url_set(handle, CURLUPART_URL, text.c_str(), flags);
  if (code == CURLUE_OK) return {};
  return fail(Errc::invalid,
              "'" + without_user(text) + "' is not a usable URL: " + curl_url_strerror(code));
}

Failure not_http(const std::string& text) {
  return fail(Errc::invalid, "'" + without_user(text) +
                                 "' is not an http or https URL: give one such as "
                                 "https://cdn.kernel.org/pub/");
}

bool is_http(const std::string& scheme) { return scheme == "http" || scheme == "https"; }

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  if (text.find('\0') != text.npos) return fail(Errc::invalid, "the URL contains NUL");
  const UrlHandle handle(curl_url());
  if (text.find("://") == text.npos) return not_http(std::string(text));
  if (auto r = set(handle.get(), std::string(text), CURLU_URLENCODE); !r) return fail(r.error());
  lower_host(handle.get());
  Url url;
  url.scheme_ = part(handle.get(), CURLUPART_SCHEME);
  if (!is_http(url.scheme_)) return not_http(std::string(text));
  url.user_ = part(handle.get(), CURLUPART_USER, CURLU_URLDECODE);
  url.password_ = part(handle.get(), CURLUPART_PASSWORD, CURLU_URLDECODE);
  url.host_ = part(handle.get(), CURLUPART_HOST);
  url.port_ = part(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  url.path_ = part(handle.get(), CURLUPART_PATH);
  url.query_ = part(handle.get(), CURLUPART_QUERY);
  curl_url_set(handle.get(), CURLUPART_USER, nullptr, 0);
  curl_url_set(handle.get(), CURLUPART_PASSWORD, nullptr, 0);
  curl_url_set(handle.get(), CURLUPART_FRAGMENT, nullptr, 0);
  url.text_ = part(handle.get(), CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
  return url;
}

Result<Url> Url::resolve(std::string_view href) const {
  if (href.find('\0') != href.npos) return fail(Errc::invalid, "the link contains NUL");
  const UrlHandle handle(curl_url());
  if (auto r = set(handle.get(), text_, 0); !r) return fail(r.error());
  auto r = set(handle.get(), std::string(href), CURLU_URLENCODE | CURLU_DISALLOW_USER);
  if (!r) return fail(r.error());
  Result<Url> out = parse(part(handle.get(), CURLUPART_URL));
  if (!out) return out;
  // A child of ours is asked for with our credentials, another host never is.
  if (same_origin(*out)) {
    out->user_ = user_;
    out->password_ = password_;
  }
  return out;
}

Url Url::as_directory() const {
  Url out = *this;
  if (!out.path_.ends_with('/')) out.path_ += '/';
  const auto path_at = text_.find('/', text_.find("://") + 3);
  out.text_ = text_.substr(0, path_at) + out.path_;
  out.query_.clear();
  return out;
}

Result<Url> Url::child(std::string_view segment, bool directory) const {
  if (segment.empty() || segment.find_first_of("/?#") != segment.npos) {
    return fail(Errc::invalid, "'" + std::string(segment) + "' is not one path segment");
  }
  Url out = as_directory();
  out.path_ += segment;
  out.text_ += segment;
  return directory ? out.as_directory() : out;
}

std::optional<std::string> Url::child_segment(const Url& other) const {
  if (!same_origin(other) || !other.query_.empty()) return std::nullopt;
  if (!other.path_.starts_with(path_)) return std::nullopt;
  std::string segment = other.path_.substr(path_.size());
  if (segment.ends_with('/')) segment.pop_back();
  if (segment.empty() || segment.find('/') != segment.npos) return std::nullopt;
  return segment;
}

bool Url::same_origin(const Url& other) const {
  return scheme_ == other.scheme_ && host_ == other.host_ && port_ == other.port_;
}

Result<std::string> decode_segment(std::string_view encoded) {
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] != '%') continue;
    const auto hex = encoded.substr(i + 1, 2);
    if (hex.size() != 2 || hex.find_first_not_of("0123456789abcdefABCDEF") != hex.npos) {
      return fail(Errc::invalid, "'" + std::string(encoded) + "' has a broken percent escape");
    }
    i += 2;
  }
  int length = 0;
  char* text =
      curl_easy_unescape(nullptr, encoded.data(), static_cast<int>(encoded.size()), &length);
  if (text == nullptr) return fail(Errc::invalid, "the name cannot be decoded");
  std::string out(text, static_cast<std::size_t>(length));
  curl_free(text);
  return out;
}

std::string encode_segment(std::string_view bytes) {
  if (bytes.empty()) return {};  // curl_easy_escape would call strlen
  char* text = curl_easy_escape(nullptr, bytes.data(), static_cast<int>(bytes.size()));
  std::string out(text);
  curl_free(text);
  return out;
}

}  // namespace lazymirror
