// SPDX-License-Identifier: Apache-2.0
//
// Errors are values. A function that can fail returns Result<T>; an Error says
// what was attempted on what and why it failed, in one sentence that can be
// shown to a user. Exceptions of the standard library stop at thread and C
// boundaries.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace lazymirror {

// What kind of failure, independent of who asks. to_errno() (errno_map.h) is
// the only place that turns one into an errno.
enum class Errc {
  not_found,        // no such entry at the origin
  not_a_directory,  // a path walks through a file
  is_a_directory,   // file contents asked of a directory
  denied,           // 401, 403, or the local system refused
  read_only,        // a write to a mirrored tree
  changed,          // the origin has another version than the one asked for
  timeout,          // the deadline passed
  unreachable,      // no connection, or broken off after all retries
  bad_reply,        // the origin answered something unusable
  no_ranges,        // the origin does not serve ranges of this file
  no_space,         // the cache's file system is full
  corrupt,          // cached bytes or records fail their check
  cancelled,        // interrupted, or the daemon is stopping
  busy,             // in use by someone else
  unsupported,      // this kernel, file system or build cannot do it
  invalid,          // a malformed argument, option or name
  io,               // a local system call failed
  internal,         // a broken promise of our own code
};

// The name of a kind, as it stands in the source ("not_found").
[[nodiscard]] std::string_view errc_name(Errc code);

struct Error {
  Errc code = Errc::internal;
  std::string message;  // a sentence without a final full stop
  int os_errno = 0;     // the system's errno where there was one
};

template <typename T = void>
using Result = tl::expected<T, Error>;

using Failure = tl::unexpected<Error>;

[[nodiscard]] Failure fail(Errc code, std::string message);
[[nodiscard]] Failure fail(Error error);

// A failed system call: "what: strerror(err)", the code derived from err.
[[nodiscard]] Failure fail_errno(int err, std::string_view what);
[[nodiscard]] Error os_error(int err, std::string_view what);

// The same error, its message preceded by "context: ".
[[nodiscard]] Error with_context(Error error, std::string_view context);

}  // namespace lazymirror
