// SPDX-License-Identifier: Apache-2.0
//
// System calls on files that are complete or an error, never half done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace lazymirror {

// Reads until `out` is full or the file ends; the number of bytes read.
[[nodiscard]] Result<std::size_t> pread_full(int fd, std::span<std::byte> out,
                                             std::uint64_t offset);

// Writes all of `data` or fails; bytes before the failure may be on disk.
[[nodiscard]] Result<> pwrite_full(int fd, std::span<const std::byte> data, std::uint64_t offset);

// The whole of a small file. Errc::bad_reply when larger than `limit`.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t limit = 1 << 20);

// open(2) with O_CLOEXEC; `what` names the file in the message.
[[nodiscard]] Result<UniqueFd> open_fd(int dirfd, const std::string& path, int flags,
                                       unsigned mode = 0600);

}  // namespace lazymirror
