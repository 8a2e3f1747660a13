// SPDX-License-Identifier: Apache-2.0
#include "base/version.h"

namespace lazymirror {

bool same_version(const Version& known, const Version& seen) {
  if (known.size != seen.size) return false;
  if (!known.etag.empty()) return known.etag == seen.etag;
  return !known.last_modified || known.last_modified == seen.last_modified;
}

}  // namespace lazymirror
