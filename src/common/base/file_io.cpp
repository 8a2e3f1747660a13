// SPDX-License-Identifier: Apache-2.0
#include "base/file_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace lazymirror {

Result<std::size_t> pread_full(int fd, std::span<std::byte> out, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t n =
        ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, "cannot read");
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Result<> pwrite_full(int fd, std::span<const std::byte> data, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < data.size()) {
    const ssize_t n =
        ::pwrite(fd, data.data() + done, data.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, "cannot write");
    if (n == 0) return fail_errno(EIO, "cannot write");
    done += static_cast<std::size_t>(n);
  }
  return {};
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  auto fd = open_fd(AT_FDCWD, path, O_RDONLY);
  if (!fd) return fail(fd.error());
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    // read(2), not pread(2): it may be a pipe.
    const ssize_t n = ::read(fd->get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, "cannot read " + path);
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() > limit) return fail(Errc::bad_reply, path + ": larger than expected");
  }
}

Result<UniqueFd> open_fd(int dirfd, const std::string& path, int flags, unsigned mode) {
  const int fd = ::openat(dirfd, path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return fail_errno(errno, "cannot open " + path);
  return UniqueFd(fd);
}

}  // namespace lazymirror
