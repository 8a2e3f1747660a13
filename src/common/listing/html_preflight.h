// SPDX-License-Identifier: Apache-2.0
//
// What must be known about a page before libxml2 sees it, found in one pass
// over the bytes. libxml2 repairs: it closes what was left open and stops at
// NUL without a word, so that a truncated page comes out as a shorter, valid
// listing. Pure.
#pragma once

#include <string_view>

#include "base/result.h"

namespace lazymirror {

// Errc::bad_reply for a page that contains NUL, that ends inside a tag, a
// comment or a script, that opens <html>, <body>, <table>, <ul>, <ol> or <pre>
// and never closes it (a page that never opens one need not close it: h2o, Go),
// or whose tags have so many attributes that libxml2, which compares each with
// each, would be busy for minutes.
[[nodiscard]] Result<> check_html(std::string_view page);

// RFC 3629. libxml2 changes its mind about the encoding in the middle of a page
// that is not UTF-8.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace lazymirror
