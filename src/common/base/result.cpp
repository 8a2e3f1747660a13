// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <cerrno>
#include <system_error>

namespace lazymirror {
namespace {

Errc errc_of(int err) {
  switch (err) {
    case ENOENT: return Errc::not_found;
    case ENOTDIR: return Errc::not_a_directory;
    case EISDIR: return Errc::is_a_directory;
    case EACCES:
    case EPERM: return Errc::denied;
    case EROFS: return Errc::read_only;
    case ESTALE: return Errc::changed;
    case ETIMEDOUT: return Errc::timeout;
    case ENOSPC:
    case EDQUOT: return Errc::no_space;
    case EINTR:
    case ECANCELED: return Errc::cancelled;
    case EBUSY:
    case EAGAIN: return Errc::busy;
    case EOPNOTSUPP:
    case ENOSYS: return Errc::unsupported;
    case EINVAL: return Errc::invalid;
    default: return Errc::io;
  }
}

}  // namespace

std::string_view errc_name(Errc code) {
  switch (code) {
    case Errc::not_found: return "not_found";
    case Errc::not_a_directory: return "not_a_directory";
    case Errc::is_a_directory: return "is_a_directory";
    case Errc::denied: return "denied";
    case Errc::read_only: return "read_only";
    case Errc::changed: return "changed";
    case Errc::timeout: return "timeout";
    case Errc::unreachable: return "unreachable";
    case Errc::bad_reply: return "bad_reply";
    case Errc::no_ranges: return "no_ranges";
    case Errc::no_space: return "no_space";
    case Errc::corrupt: return "corrupt";
    case Errc::cancelled: return "cancelled";
    case Errc::busy: return "busy";
    case Errc::unsupported: return "unsupported";
    case Errc::invalid: return "invalid";
    case Errc::io: return "io";
    case Errc::internal: return "internal";
  }
  return "internal";
}

Failure fail(Errc code, std::string message) { return Failure(Error{code, std::move(message), 0}); }

Failure fail(Error error) { return Failure(std::move(error)); }

Error os_error(int err, std::string_view what) {
  return Error{errc_of(err), std::string(what) + ": " + std::generic_category().message(err), err};
}

Failure fail_errno(int err, std::string_view what) { return Failure(os_error(err, what)); }

Error with_context(Error error, std::string_view context) {
  error.message = std::string(context) + ": " + error.message;
  return error;
}

}  // namespace lazymirror
