// SPDX-License-Identifier: Apache-2.0
//
// From options and one attempt's Ask to the settings of an easy handle.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "http/curl_handles.h"
#include "http/curl_origin.h"
#include "http/transfer.h"

namespace lazymirror {

// Errc::invalid for values that libcurl or HTTP refuse, Errc::io for files that
// cannot be read.
[[nodiscard]] Result<> check_options(const OriginOptions& options);

// How the target is reached.
struct Way {
  std::optional<std::string> proxy{};    // nothing: the environment decides
  std::optional<Duration> newer_than{};  // connections that are older are not used
  bool look_up_again = false;            // what is remembered of names is not believed
};

// Sets everything but callbacks on a fresh (or reset) handle. `headers` keeps
// the list that the handle refers to. Credentials, netrc and the user's own
// headers are only set for targets on the origin of options.base: redirects are
// followed attempt by attempt, so no other host ever sees them.
[[nodiscard]] CURLcode prepare_easy(CURL* easy, const OriginOptions& options, const Url& target,
                                    const Ask& ask, const Way& way, HeaderList& headers);

}  // namespace lazymirror
