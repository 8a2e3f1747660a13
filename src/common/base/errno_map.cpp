// SPDX-License-Identifier: Apache-2.0
#include "base/errno_map.h"

#include <cerrno>

namespace lazymirror {

int to_errno(Errc code) {
  switch (code) {
    case Errc::not_found: return ENOENT;
    case Errc::not_a_directory: return ENOTDIR;
    case Errc::is_a_directory: return EISDIR;
    case Errc::denied: return EACCES;
    case Errc::read_only: return EROFS;
    case Errc::changed: return ESTALE;
    case Errc::timeout: return ETIMEDOUT;
    case Errc::unreachable: return EIO;
    case Errc::bad_reply: return EIO;
    case Errc::no_ranges: return EIO;
    case Errc::no_space: return ENOSPC;
    case Errc::corrupt: return EIO;
    case Errc::cancelled: return EINTR;
    case Errc::busy: return EBUSY;
    case Errc::unsupported: return EOPNOTSUPP;
    case Errc::invalid: return EINVAL;
    case Errc::io: return EIO;
    case Errc::internal: return EIO;
  }
  return EIO;
}

}  // namespace lazymirror
