// SPDX-License-Identifier: Apache-2.0
//
// What a link in a listing means for the directory it stands in. The only
// source of names: display text is cut, padded and mis-encoded by servers.
// Not synchronised; pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/url.h"

namespace lazymirror {

enum class LinkKind : std::uint8_t {
  child,    // one segment below the directory
  refused,  // meant for this origin, but no URL that can be requested
  above,    // the directory itself or one that contains it
  query,    // a sort link: a query or a fragment, of no child
  queried,  // a file below with a query or fragment: not the file itself
  stray,    // elsewhere on this origin
  foreign,  // another origin or scheme, or no link at all
};

struct Link {
  LinkKind kind = LinkKind::foreign;
  std::string segment;     // of a child: percent-encoded, without '/'
  bool directory = false;  // of a child: written with a final '/'
};

class LinkJudge {
 public:
  // REQUIRES: base.path() ends in '/'. `raw_bytes`: whether bytes over 0x7f can
  // be taken as they stand; if not, a link that has any is refused.
  LinkJudge(const Url& base, bool raw_bytes) : base_(base), raw_bytes_(raw_bytes) {}

  [[nodiscard]] Link judge(std::string_view href) const;

  // judge() without its short cut: everything by Url::resolve(). The short cut
  // takes links that resolve() would leave as they are; tests hold the two
  // against each other.
  [[nodiscard]] Link judge_by_url(std::string_view href) const;

 private:
  [[nodiscard]] Link judge_path(std::string_view href, bool short_cut) const;
  [[nodiscard]] Link judge_any(std::string_view href, bool short_cut) const;
  [[nodiscard]] bool plain_child(std::string_view href, Link& out) const;

  const Url& base_;
  bool raw_bytes_;
};

}  // namespace lazymirror
