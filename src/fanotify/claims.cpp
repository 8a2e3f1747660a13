// SPDX-License-Identifier: Apache-2.0
#include "fanotify/claims.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <span>

#include "base/file_io.h"
#include "base/file_lock.h"
#include "fanotify/pidfd.h"

namespace lazymirror::fanotify {
namespace {

constexpr std::size_t kMaxText = 256;
constexpr Duration kAskAgain{200};

std::string text_of(int fd) {
  std::string text(kMaxText, '\0');
  const auto size = pread_full(fd, std::as_writable_bytes(std::span(text)), 0);
  text.resize(size ? *size : 0);
  return text;
}

pid_t number_in(const std::string& text) {
  pid_t pid = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  return error == std::errc() && end != text.data() && pid > 0 ? pid : -1;
}

// Whether the process has this very file open; asked by the file's identity,
// for a number may have gone to somebody else.
bool has_open(pid_t pid, const struct stat& file) {
  const std::string path = "/proc/" + std::to_string(pid) + "/fd";
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (!directory) return false;
  while (const dirent* entry = ::readdir(directory.get())) {
    struct statx found {};
    if (::statx(::dirfd(directory.get()), entry->d_name, AT_STATX_DONT_SYNC, STATX_INO, &found) !=
        0) {
      continue;
    }
    const bool same_device =
        found.stx_dev_major == major(file.st_dev) && found.stx_dev_minor == minor(file.st_dev);
    if (same_device && found.stx_ino == file.st_ino) return true;
  }
  return false;
}

Claim claim_of(int fd) {
  struct stat file {};
  const pid_t pid = number_in(text_of(fd));
  Claim claim{ClaimState::inherited, {}};
  if (pid < 0 || ::fstat(fd, &file) != 0) return claim;
  UniqueFd pidfd = open_pidfd(pid);
  if (!pidfd.valid() || !has_open(pid, file)) return claim;
  claim.state = ClaimState::held;
  claim.claimant = {pid, std::move(pidfd)};
  return claim;
}

Result<> write_number(int fd, const std::string& path) {
  const std::string text = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0) return fail_errno(errno, "cannot write to " + path);
  return pwrite_full(fd, std::as_bytes(std::span(text)), 0);
}

}  // namespace

std::string lock_path(const std::string& cache_directory) { return cache_directory + "/lock"; }

std::string guard_path(const std::string& cache_directory) {
  return cache_directory + "/meta/guard";
}

Result<Claim> look_at_claim(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid() && (errno == ENOENT || errno == ENOTDIR)) return Claim{};
  if (!fd.valid()) return fail_errno(errno, "cannot open " + path);
  const auto claimed = is_claimed(fd.get());
  if (!claimed) return fail(with_context(claimed.error(), path));
  return *claimed ? claim_of(fd.get()) : Claim{};
}

Result<> renew_lock(const std::string& cache_directory) {
  const std::string path = lock_path(cache_directory);
  const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return fail_errno(errno, "cannot open " + path);
  return write_number(fd.get(), path);
}

Result<UniqueFd> claim_guard(const std::string& cache_directory) {
  const std::string path = guard_path(cache_directory);
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd.valid()) return fail_errno(errno, "cannot open " + path);
  if (auto r = claim_file(fd.get()); !r) return fail(with_context(r.error(), path));
  if (auto r = write_number(fd.get(), path); !r) return fail(r.error());
  return fd;
}

bool kill_claimant(const Claimant& claimant, Duration limit) {
  pollfd ended{claimant.pidfd.get(), POLLIN, 0};
  signal_pidfd(claimant.pidfd, SIGKILL);
  return ::poll(&ended, 1, static_cast<int>(limit.count())) == 1;
}

bool end_claimant(const Claimant& claimant, Duration limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  pollfd ended{claimant.pidfd.get(), POLLIN, 0};
  while (std::chrono::steady_clock::now() < deadline) {
    // Again: a worker that has just lost its keeper does not listen yet.
    signal_pidfd(claimant.pidfd, SIGTERM);
    if (::poll(&ended, 1, static_cast<int>(kAskAgain.count())) == 1) return true;
  }
  return ::poll(&ended, 1, 0) == 1;
}

}  // namespace lazymirror::fanotify
