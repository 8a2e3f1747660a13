// SPDX-License-Identifier: Apache-2.0
//
// An absolute http or https URL. All parsing and resolving is done by libcurl's
// URL API (curl_url(3)), so that what we check is what is later requested.
// Immutable; safe to share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lazymirror {

class Url {
 public:
  // Errc::invalid, with a sentence, for anything but an absolute http(s) URL.
  // User information is allowed here (the command line may carry it) and kept
  // apart from the text: str() never shows it. A fragment is dropped.
  [[nodiscard]] static Result<Url> parse(std::string_view text);

  // `href` resolved against this URL (RFC 3986 section 5). Raw bytes that a URL
  // cannot carry are percent-encoded. Errc::invalid for other schemes, for an
  // href with user information, and for what libcurl refuses.
  [[nodiscard]] Result<Url> resolve(std::string_view href) const;

  // The same URL with '/' appended to its path unless it ends in one; the query
  // is dropped.
  [[nodiscard]] Url as_directory() const;

  // The child of this directory whose percent-encoded name is `segment`, as
  // child_segment() gave it. REQUIRES: path() ends in '/'.
  [[nodiscard]] Result<Url> child(std::string_view segment, bool directory) const;

  // When `other` is on the same origin, has neither query nor fragment, and its
  // path is exactly one segment (with or without a final '/') below this
  // directory: that segment, still percent-encoded, without the '/'.
  // REQUIRES: path() ends in '/'.
  [[nodiscard]] std::optional<std::string> child_segment(const Url& other) const;

  [[nodiscard]] bool same_origin(const Url& other) const;  // scheme, host and port

  [[nodiscard]] const std::string& str() const { return text_; }     // without user information
  [[nodiscard]] const std::string& path() const { return path_; }    // percent-encoded, as sent
  [[nodiscard]] const std::string& query() const { return query_; }  // without '?', empty if none
  [[nodiscard]] const std::string& host() const { return host_; }
  [[nodiscard]] const std::string& scheme() const { return scheme_; }
  [[nodiscard]] const std::string& port() const { return port_; }  // the default one filled in
  [[nodiscard]] const std::string& user() const { return user_; }  // decoded
  [[nodiscard]] const std::string& password() const { return password_; }

  friend bool operator==(const Url& a, const Url& b) { return a.text_ == b.text_; }

 private:
  Url() = default;
  std::string text_, scheme_, host_, port_, path_, query_, user_, password_;
};

// Percent-decodes one path segment as bytes (not text). Errc::invalid for a
// broken escape. May yield any bytes: EntryName::make() is the judge of them.
[[nodiscard]] Result<std::string> decode_segment(std::string_view encoded);

// The reverse: every byte but RFC 3986's unreserved ones is escaped.
[[nodiscard]] std::string encode_segment(std::string_view bytes);

}  // namespace lazymirror
