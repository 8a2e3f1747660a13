// SPDX-License-Identifier: Apache-2.0
#include "cache/data_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iterator>
#include <memory>

#include "base/crew.h"

namespace lazymirror {
namespace {

constexpr int kDirectory = O_PATH | O_DIRECTORY;

}  // namespace

// openat2(2) has no wrapper in glibc 2.36.
Result<UniqueFd> open_beneath(int dirfd, const char* name, int flags) {
  open_how how{};
  how.flags = static_cast<__u64>(flags) | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, dirfd, name, &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    // EAGAIN: somebody renamed meanwhile, so the kernel cannot promise "beneath".
    if (errno != EINTR && errno != EAGAIN) {
      return fail_errno(errno, std::string("cannot open ") + name + " in the cache");
    }
  }
}

namespace {

bool is_in_the_way(int err) { return err == ENOTDIR || err == ELOOP; }

bool is_gone(int err) { return err == ENOENT || err == ENOTDIR || err == ELOOP; }

Result<> set_up(int fd, std::uint64_t size, const Stamp& stamp) {
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0) {
    return fail_errno(errno, "cannot make a data file of " + std::to_string(size) + " bytes");
  }
  struct stat st {};
  if (::fstat(fd, &st) != 0) return fail_errno(errno, "cannot look at a data file");
  return write_stamp(fd, {stamp.id, stamp.generation, stamp.tag, st.st_ino});
}

using StampText = std::array<char, 128>;

std::optional<Stamp> stamp_of(const StampText& text, ssize_t size, const struct stat& st) {
  if (size < 0) return std::nullopt;
  const auto stamp = parse_stamp({text.data(), static_cast<std::size_t>(size)});
  return stamp && stamp->inode == st.st_ino ? stamp : std::nullopt;
}

}  // namespace

std::optional<Stamp> read_stamp(int fd) {
  StampText text{};
  struct stat st {};
  if (::fstat(fd, &st) != 0) return std::nullopt;
  return stamp_of(text, ::fgetxattr(fd, kStampName, text.data(), text.size()), st);
}

// There is no lgetxattrat(2) before Linux 6.13.
std::optional<Stamp> stamp_at(int directory, const std::string& name) {
  StampText text{};
  struct stat st {};
  if (::fstatat(directory, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  const std::string path = "/proc/self/fd/" + std::to_string(directory) + "/" + name;
  return stamp_of(text, ::lgetxattr(path.c_str(), kStampName, text.data(), text.size()), st);
}

Result<> write_stamp(int fd, const Stamp& stamp) {
  const std::string text = format_stamp(stamp);
  if (::fsetxattr(fd, kStampName, text.data(), text.size(), 0) == 0) return {};
  return fail_errno(errno, "cannot stamp a file of the cache");
}

Result<std::vector<std::string>> names_in(int directory) {
  auto fd = open_beneath(directory, ".", O_RDONLY | O_DIRECTORY);
  if (!fd) return fail(fd.error());
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(fd->get()), ::closedir);
  if (!dir) return fail_errno(errno, "cannot read a directory of the cache");
  (void)fd->release();  // fdopendir took it over
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir.get())) {
    note_progress();
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

std::uint64_t random_number() {
  std::uint64_t number = 0;
  // Up to 256 bytes are given whole and without an error (getrandom(2)).
  while (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
  }
  return number;
}

// Names begin at a random number: those of an earlier run may still be there.
DataTree::DataTree(UniqueFd data, UniqueFd temporary)
    : data_(std::move(data)), temporary_(std::move(temporary)), names_(random_number() >> 1) {}

std::string DataTree::next_temporary_name() { return std::to_string(++names_); }

// Name by name: a tree may be deeper than PATH_MAX.
Result<UniqueFd> DataTree::open_parent(const TreePath& path, bool create) {
  auto at = open_beneath(data_.get(), ".", kDirectory);
  for (std::size_t i = 0; at && i + 1 < path.size(); ++i) {
    auto next = open_beneath(at->get(), path[i].c_str(), kDirectory);
    if (!next && create) next = make_directory(at->get(), path[i]);
    at = std::move(next);
  }
  return at;
}

Result<UniqueFd> DataTree::make_directory(int parent, const std::string& name) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (::mkdirat(parent, name.c_str(), 0755) != 0 && errno != EEXIST) {
      return fail_errno(errno, "cannot make the directory " + name + " in the cache");
    }
    auto fd = open_beneath(parent, name.c_str(), kDirectory);
    if (fd || !is_in_the_way(fd.error().os_errno)) return fd;
    if (auto r = discard_entry(parent, name); !r) return fail(r.error());
  }
  return fail(Errc::busy, "somebody else changes the directory " + name + " in the cache");
}

Result<UniqueFd> DataTree::open_directory(const TreePath& path, int flags) const {
  auto at = open_beneath(data_.get(), ".", path.empty() ? flags | O_DIRECTORY : kDirectory);
  for (std::size_t i = 0; at && i < path.size(); ++i) {
    const bool last = i + 1 == path.size();
    at = open_beneath(at->get(), path[i].c_str(), last ? flags | O_DIRECTORY : kDirectory);
  }
  return at;
}

Result<UniqueFd> DataTree::open_file(const TreePath& path, int flags) const {
  const auto at = open_directory({path.begin(), std::prev(path.end())}, O_PATH);
  if (!at) return fail(at.error());
  auto fd = open_beneath(at->get(), path.back().c_str(), flags | O_NONBLOCK);
  if (!fd) return fd;
  struct stat st {};
  if (::fstat(fd->get(), &st) != 0) return fail_errno(errno, "cannot look at a data file");
  if (!S_ISREG(st.st_mode)) return fail(Errc::corrupt, path.back() + " is not a regular file");
  return fd;
}

Result<DataTree::NewFile> DataTree::create(std::uint64_t size, const Stamp& stamp) {
  const std::string name = next_temporary_name();
  UniqueFd fd(
      ::openat(temporary_.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd.valid()) return fail_errno(errno, "cannot make a data file");
  NewFile file{std::move(fd), name};
  if (auto r = set_up(file.fd.get(), size, stamp); !r) {
    drop(file);
    return fail(r.error());
  }
  return file;
}

Result<> DataTree::place(const NewFile& file, const TreePath& path) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    auto parent = open_parent(path, true);
    if (!parent) return fail(parent.error());
    const char* name = path.back().c_str();
    if (::renameat(temporary_.get(), file.temporary_name.c_str(), parent->get(), name) == 0)
      return {};
    if (errno == EISDIR || errno == ENOTEMPTY || errno == EEXIST) {
      if (auto r = discard_entry(parent->get(), path.back()); !r) return r;
    } else if (errno != ENOENT) {  // ENOENT: the parent was removed under us
      return fail_errno(errno, std::string("cannot place the data file ") + name);
    }
  }
  return fail(Errc::busy, "somebody else changes " + path.back() + " in the cache");
}

void DataTree::drop(const NewFile& file) {
  ::unlinkat(temporary_.get(), file.temporary_name.c_str(), 0);
}

// Out of sight in one step, so that nobody meets a half removed tree.
Result<> DataTree::discard_entry(int parent, const std::string& name) {
  const std::string trash = next_temporary_name();
  if (::renameat(parent, name.c_str(), temporary_.get(), trash.c_str()) != 0) {
    if (is_gone(errno)) return {};
    return fail_errno(errno, "cannot remove " + name + " from the cache");
  }
  return remove_temporary({trash});
}

// Directories inside are moved out to be next, so that a tree of any depth
// needs neither stack nor descriptors.
Result<> DataTree::remove_temporary(std::vector<std::string> pending) {
  while (!pending.empty()) {
    const std::string name = std::move(pending.back());
    pending.pop_back();
    if (::unlinkat(temporary_.get(), name.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR) return fail_errno(errno, "cannot remove " + name + " from the cache");
    auto fd = open_beneath(temporary_.get(), name.c_str(), O_RDONLY | O_DIRECTORY);
    if (!fd) return fail(fd.error());
    const auto inside = names_in(fd->get());
    if (!inside) return fail(inside.error());
    for (const std::string& each : *inside) {
      note_progress();
      if (::unlinkat(fd->get(), each.c_str(), 0) == 0) continue;
      pending.push_back(next_temporary_name());
      if (::renameat(fd->get(), each.c_str(), temporary_.get(), pending.back().c_str()) != 0) {
        return fail_errno(errno, "cannot remove " + each + " from the cache");
      }
    }
    if (::unlinkat(temporary_.get(), name.c_str(), AT_REMOVEDIR) != 0) {
      return fail_errno(errno, "cannot remove " + name + " from the cache");
    }
  }
  return {};
}

Result<> DataTree::remove_file(const TreePath& path, std::uint64_t id,
                               std::uint64_t before_generation) {
  auto fd = open_file(path, O_RDONLY);
  const bool other = !fd && (is_gone(fd.error().os_errno) || fd.error().code == Errc::corrupt);
  if (other) return {};
  if (!fd) return fail(fd.error());
  const auto stamp = read_stamp(fd->get());
  if (!stamp || stamp->id != id || stamp->generation >= before_generation) return {};
  auto parent = open_parent(path, false);
  if (!parent) return is_gone(parent.error().os_errno) ? Result<>() : fail(parent.error());
  if (::unlinkat(parent->get(), path.back().c_str(), 0) == 0 || errno == ENOENT) return {};
  return fail_errno(errno, "cannot remove " + path.back() + " from the cache");
}

Result<> DataTree::remove_directory(const TreePath& path) {
  auto parent = open_parent(path, false);
  if (!parent) return is_gone(parent.error().os_errno) ? Result<>() : fail(parent.error());
  auto fd = open_beneath(parent->get(), path.back().c_str(), kDirectory);
  if (!fd) return is_gone(fd.error().os_errno) ? Result<>() : fail(fd.error());
  return discard_entry(parent->get(), path.back());
}

Result<> DataTree::remove_strangers(const TreePath& path, std::span<const std::uint64_t> ids) {
  auto at = open_beneath(data_.get(), ".", kDirectory);
  for (std::size_t i = 0; at && i < ids.size(); ++i) {
    const auto stamp = stamp_at(at->get(), path[i]);
    if (stamp && stamp->id != ids[i]) return discard_entry(at->get(), path[i]);
    at = open_beneath(at->get(), path[i].c_str(), kDirectory);
  }
  return at || is_gone(at.error().os_errno) ? Result<>() : fail(at.error());
}

Result<> DataTree::clean_temporary() {
  auto names = names_in(temporary_.get());
  if (!names) return fail(names.error());
  return remove_temporary(std::move(*names));
}

}  // namespace lazymirror
