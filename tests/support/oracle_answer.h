// SPDX-License-Identifier: Apache-2.0
//
// What the oracle origin answers to a request, decided from the tree, the
// settings and at most one fault; without a socket, so that it can be tested
// by itself. Pure.
#pragma once

#include <optional>
#include <string>

#include "support/oracle_http.h"
#include "support/oracle_origin.h"
#include "support/oracle_tree.h"

namespace lazymirror::testing {

struct OracleSettings {
  OracleOrigin::Listing listing = OracleOrigin::Listing::exact;
  std::string authorization;  // the header's value that is demanded; empty: none
  bool ranges = true;
  unsigned delay_ms = 0;
};

struct Answer {
  enum class After { next_request, close, reset, stall };

  std::string head;  // with the empty line; empty: nothing is sent before `after`
  std::string text;  // the body, unless it is a file's
  std::string path;  // of the file whose bytes are the body; empty: `text` is the body
  std::uint64_t version = 0;
  ByteSpan span;      // of the file
  std::string magic;  // overwrites the first bytes of the file's (for the gzip fault)
  bool chunked = false;
  std::optional<std::uint64_t> cut;  // send only so much of the body
  After after = After::next_request;

  [[nodiscard]] std::uint64_t body_size() const { return path.empty() ? text.size() : span.size(); }
};

[[nodiscard]] Answer plan_answer(const RequestHead& request, const OracleTree& tree,
                                 const OracleSettings& settings, const FaultRule& fault);

}  // namespace lazymirror::testing
