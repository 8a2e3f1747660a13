// SPDX-License-Identifier: Apache-2.0
#include "cache/poison.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "base/crew.h"
#include "base/file_io.h"
#include "base/log.h"

namespace lazymirror {
namespace {

constexpr const char* kName = "poison";
constexpr std::uint64_t kBlock = 4096;
constexpr std::uint64_t kSmallest = 1u << 20;
constexpr std::uint64_t kLargest = 64u << 20;  // a file of 1 TiB takes 16,384 steps

// 32 bytes, so that it tiles a block and is seen in any dump.
constexpr std::string_view kLine = "lazymirror: NOT FETCHED YET ...\n";
static_assert(kBlock % kLine.size() == 0);

std::string lines(std::uint64_t size) {
  std::string text;
  text.reserve(size + kLine.size());
  while (text.size() < size) text += kLine;
  text.resize(size);
  return text;
}

bool is_intact(int fd, std::uint64_t size) {
  struct stat st {};
  if (::fstat(fd, &st) != 0 || static_cast<std::uint64_t>(st.st_size) != size) return false;
  if (::lseek(fd, 0, SEEK_HOLE) != st.st_size) return false;
  const std::string wanted = lines(kBlock);
  std::string block(kBlock, '\0');
  for (std::uint64_t at = 0; at < size; at += size / 16) {
    const auto n = pread_full(fd, std::as_writable_bytes(std::span(block)), at);
    if (!n || block != wanted) return false;
  }
  return true;
}

// The template must not be compressed: its extents would be small ones.
void refuse_compression(int fd) {
  int flags = 0;
  if (::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return;
  flags |= FS_NOCOMP_FL;
  (void)::ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

Result<> write_template(int fd, std::uint64_t size) {
  if (::ftruncate(fd, 0) != 0) return fail_errno(errno, "cannot empty the template of poison");
  refuse_compression(fd);
  const std::string text = lines(std::min(size, kSmallest));
  for (std::uint64_t at = 0; at < size; at += text.size()) {
    if (auto r = pwrite_full(fd, std::as_bytes(std::span(text)), at); !r) return r;
  }
  if (::fsync(fd) != 0) return fail_errno(errno, "cannot sync the template of poison");
  return {};
}

std::uint64_t template_size(int meta) {
  struct statvfs fs {};
  if (::fstatvfs(meta, &fs) != 0) return kSmallest;
  const std::uint64_t share = std::uint64_t{fs.f_blocks} * fs.f_frsize / 256;
  return std::clamp(share / kSmallest * kSmallest, kSmallest, kLargest);
}

bool can_clone(int meta, int source) {
  auto probe = open_fd(meta, ".", O_TMPFILE | O_RDWR);
  if (!probe) return false;
  const file_clone_range range{source, 0, kBlock, 0};
  return ::ioctl(probe->get(), FICLONERANGE, &range) == 0;
}

bool cannot_share(int err) {
  return err == EOPNOTSUPP || err == EXDEV || err == EINVAL || err == ENOTTY;
}

}  // namespace

Poison::Poison(int meta) {
  auto fd = open_fd(meta, kName, O_RDWR | O_CREAT | O_NOFOLLOW);
  if (!fd) return;
  step_ = template_size(meta);
  if (!is_intact(fd->get(), step_)) {
    // One block first: most file systems cannot share it.
    const bool shares = write_template(fd->get(), kBlock) && can_clone(meta, fd->get());
    auto written = shares ? write_template(fd->get(), step_) : Result<>();
    if (!written) log::warn("cache: placeholders stay sparse: {}", written.error().message);
    if (!shares || !written) {
      (void)::unlinkat(meta, kName, 0);
      return;
    }
  }
  struct statfs fs {};
  may_shrink_ = ::fstatfs(meta, &fs) == 0 && fs.f_type == BTRFS_SUPER_MAGIC;
  template_ = std::move(*fd);
}

// An extent can be shared in whole blocks only. Cutting the last one is free on
// btrfs (15,000 files/s; writing the rest of it: 3,600); XFS copies the block
// and reserves seven more (2,800 to 5,000 files/s; writing: 16,000).
Result<> Poison::fill_new(int fd, std::uint64_t size) const {
  const std::uint64_t whole = size / kBlock * kBlock;
  if (is_visible() && size > 0) {
    const std::uint64_t end = may_shrink_ ? whole + (whole < size ? kBlock : 0) : whole;
    auto shared = clone(fd, {0, end});
    if (!shared) return fail(shared.error());
    if (*shared && end == whole) return write_tail(fd, {whole, size});
  }
  if (::ftruncate(fd, static_cast<off_t>(size)) == 0) return {};
  return fail_errno(errno, "cannot make a data file of " + std::to_string(size) + " bytes");
}

Result<> Poison::cover(int fd, ByteRange range) const {
  if (!is_visible()) return punch(fd, range);
  const std::uint64_t whole = std::max(range.begin, range.end / kBlock * kBlock);
  auto shared = clone(fd, {range.begin, whole});
  if (!shared) return fail(shared.error());
  return *shared ? write_tail(fd, {whole, range.end}) : punch(fd, range);
}

Result<bool> Poison::clone(int fd, ByteRange blocks) const {
  for (std::uint64_t at = blocks.begin; at < blocks.end;) {
    note_progress();
    const std::uint64_t length = std::min(step_, blocks.end - at);
    const file_clone_range range{template_.get(), 0, length, at};
    if (::ioctl(fd, FICLONERANGE, &range) != 0) {
      if (errno == EINTR) continue;
      if (!cannot_share(errno)) return fail_errno(errno, "cannot make a placeholder");
      if (!warned_.exchange(true)) {
        log::warn(
            "cache: a data file cannot share blocks with {} (is copy-on-write off?): placeholders "
            "like it stay sparse",
            kName);
      }
      return false;
    }
    at += length;
  }
  return true;
}

Result<> Poison::write_tail(int fd, ByteRange tail) const {
  if (tail.empty()) return {};
  const std::string text = lines(tail.size());
  return pwrite_full(fd, std::as_bytes(std::span(text)), tail.begin);
}

// Beyond the end, so that the last block goes too.
Result<> Poison::punch(int fd, ByteRange range) const {
  const std::uint64_t length = (range.size() + kBlock - 1) / kBlock * kBlock;
  if (length == 0 ||
      ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(range.begin),
                  static_cast<off_t>(length)) == 0) {
    return {};
  }
  return fail_errno(errno, "cannot give the bytes of a data file back");
}

}  // namespace lazymirror
