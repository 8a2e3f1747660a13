// SPDX-License-Identifier: Apache-2.0
//
// Files of the user who starts a watch, such as his netrc, for a worker that
// will be another user in another mount namespace: read beforehand, and shown to
// libcurl as files in memory (memfd_create(2)).
//
// Not synchronised. The contents are copied by fork(2); the files are made, and
// live, in the worker.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "http/curl_origin.h"

namespace lazymirror::cli {

class PrivateFiles {
 public:
  // What the options name; with --netrc alone, ~/.netrc if it is there.
  [[nodiscard]] static Result<PrivateFiles> read(const OriginOptions& options,
                                                 const std::string& home);

  // The same options, naming files in memory for as long as `shown` lives.
  [[nodiscard]] Result<OriginOptions> show(OriginOptions options,
                                           std::vector<UniqueFd>& shown) const;

 private:
  std::vector<std::pair<std::string OriginOptions::*, std::string>> contents_;
};

}  // namespace lazymirror::cli
