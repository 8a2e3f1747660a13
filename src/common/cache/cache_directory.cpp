// SPDX-License-Identifier: Apache-2.0
#include "cache/cache_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <span>

#include "base/file_io.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "cache/cache.h"
#include "cache/left_overs.h"
#include "cache/mount_check.h"

namespace lazymirror {
namespace {

constexpr const char* kElsewhere = "choose another directory with --cache-location";

// The signature that backup programs look for (bford.info/cachedir).
constexpr std::string_view kCacheTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This directory is a cache of lazymirror. Its content can be fetched again.\n";

Failure cannot_write(const std::string& path, int err) {
  Error error = os_error(err, "cannot write to the cache directory " + path);
  if (err == EACCES || err == EPERM || err == EROFS) error.code = Errc::denied;
  error.message += std::string(": make it writable or ") + kElsewhere;
  return fail(std::move(error));
}

Result<> make_directories(const std::string& path) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) {
      // A parent that exists may refuse for other reasons (EROFS, EACCES).
      const int err = errno;
      struct stat st {};
      if (::stat(part.c_str(), &st) != 0) return cannot_write(path, err);
    }
    if (at == std::string::npos) return {};
  }
}

Result<UniqueFd> open_directory(int parent, const std::string& name, const std::string& shown) {
  UniqueFd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.valid()) return fd;
  if (errno == ENOTDIR) {
    return fail(Errc::not_a_directory, shown + " is not a directory: " + kElsewhere);
  }
  return cannot_write(shown, errno);
}

Result<UniqueFd> make_directory(int parent, const std::string& name, unsigned mode,
                                const std::string& shown) {
  if (::mkdirat(parent, name.c_str(), mode) != 0 && errno != EEXIST) {
    return cannot_write(shown, errno);
  }
  return open_directory(parent, name, shown + "/" + name);
}

std::string holder_of(int fd) {
  std::string text(256, '\0');
  const auto n = pread_full(fd, std::as_writable_bytes(std::span(text)), 0);
  text.resize(n ? *n : 0);
  const auto end = text.find('\n');
  if (end == std::string::npos) return "another process";
  const auto command = text.substr(end + 1, text.find('\n', end + 1) - end - 1);
  return "process " + text.substr(0, end) + " (" + command + ")";
}

// The name only: the arguments may hold a password.
std::string own_name() {
  auto name = read_file("/proc/self/comm");
  return name && !name->empty() ? *name : "lazymirror\n";
}

Result<UniqueFd> take_lock(int directory, const std::string& path) {
  UniqueFd fd(::openat(directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd.valid()) return cannot_write(path, errno);
  if (auto r = claim_file(fd.get()); !r) {
    if (r.error().code != Errc::busy) {
      return fail(with_context(r.error(), "the cache directory " + path));
    }
    return fail(Errc::busy, "the cache directory " + path + " is in use by " + holder_of(fd.get()) +
                                ": stop it first, or " + kElsewhere);
  }
  const std::string text = std::to_string(::getpid()) + "\n" + own_name();
  if (::ftruncate(fd.get(), 0) != 0) return cannot_write(path, errno);
  if (auto r = pwrite_full(fd.get(), std::as_bytes(std::span(text)), 0); !r) {
    return fail(with_context(r.error(), "cannot write to the cache directory " + path));
  }
  return fd;
}

Result<> write_tag(int directory, const std::string& path) {
  const UniqueFd fd(
      ::openat(directory, "CACHEDIR.TAG", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd.valid()) return cannot_write(path, errno);
  return pwrite_full(fd.get(), std::as_bytes(std::span(kCacheTag)), 0);
}

Result<> check_xattrs(int data, const std::string& path) {
  if (::fsetxattr(data, "user.lazymirror.probe", "1", 1, 0) == 0) {
    ::fremovexattr(data, "user.lazymirror.probe");
    return {};
  }
  if (errno != EOPNOTSUPP && errno != ENOSYS) return cannot_write(path, errno);
  return fail(Errc::unsupported, "the file system of the cache directory " + path +
                                     " has no user extended attributes (user_xattr): " +
                                     kElsewhere + ", on ext4, XFS or btrfs");
}

std::optional<std::string> check_mount(int fd, const std::string& path) {
  struct statx st {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) != 0) return std::nullopt;
  const auto mounts = read_file("/proc/self/mountinfo");
  if (!mounts || (st.stx_mask & STATX_MNT_ID) == 0) return std::nullopt;
  auto found = unsafe_mount(*mounts, st.stx_mnt_id);
  if (found) *found = "the cache directory " + path + " has the " + *found;
  return found;
}

// What data files there are is counted and believed by nobody from now on. They go
// before there is a catalog: a start that is killed meanwhile is followed by one that
// goes on here.
Result<std::unique_ptr<Catalog>> begin_catalog(const CacheDirectory& directory,
                                               const std::string& boot_id) {
  if (auto r = remove_stamped(directory.data.get()); !r) {
    log::warn("cache: {}: its bytes stay on the disk and are not counted", r.error().message);
  }
  return Catalog::open(directory.catalog_path, boot_id);
}

bool is_missing(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) != 0 && errno == ENOENT;
}

bool is_read_only(int fd) {
  struct statvfs fs {};
  return ::fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0;
}

// What a killed `watch` leaves mounted would take the tree for its file system.
Result<> check_no_view(const UniqueFd& root, const UniqueFd& data, const std::string& path) {
  if (!is_read_only(data.get()) || is_read_only(root.get())) return {};
  return fail(Errc::busy, "a watch that was killed has left " + path +
                              "/data mounted read-only: run 'lazymirror stop " + path + "' first");
}

}  // namespace

Result<UniqueFd> lock_cache(const std::string& directory) {
  if (directory.empty()) return fail(Errc::invalid, "the cache directory has an empty name");
  if (auto r = make_directories(directory); !r) return fail(r.error());
  auto root = open_directory(AT_FDCWD, directory, directory);
  if (!root) return fail(root.error());
  return take_lock(root->get(), directory);
}

Result<CacheDirectory> open_cache_directory(const std::string& path) {
  auto root = open_directory(AT_FDCWD, path, path);
  if (!root) return fail(root.error());
  CacheDirectory directory;
  auto data = make_directory(root->get(), "data", 0755, path);
  if (!data) return fail(data.error());
  if (auto r = check_no_view(*root, *data, path); !r) return fail(r.error());
  directory.data = std::move(*data);
  auto meta = make_directory(root->get(), "meta", 0700, path);
  if (!meta) return fail(meta.error());
  auto temporary = make_directory(meta->get(), "tmp", 0700, path + "/meta");
  if (!temporary) return fail(temporary.error());
  directory.temporary = std::move(*temporary);
  directory.meta = std::move(*meta);
  if (auto r = check_xattrs(directory.data.get(), path); !r) return fail(r.error());
  if (auto r = write_tag(root->get(), path); !r) {
    return fail(with_context(r.error(), "cannot write to the cache directory " + path));
  }
  directory.catalog_path = path + "/meta/catalog.db";
  directory.warning = check_mount(directory.data.get(), path);
  return directory;
}

Result<std::string> move_catalog_aside(const std::string& catalog_path) {
  for (int n = 1; n < 1'000; ++n) {
    const std::string aside = catalog_path + ".damaged-" + std::to_string(n);
    if (::access(aside.c_str(), F_OK) == 0) continue;
    if (::rename(catalog_path.c_str(), aside.c_str()) != 0) {
      return fail_errno(errno, "cannot move the damaged " + catalog_path + " aside");
    }
    // A log that stayed would be taken for that of the new database.
    for (const char* part : {"-wal", "-shm", ".check"}) {
      const std::string name = catalog_path + part;
      if (::rename(name.c_str(), (aside + part).c_str()) != 0 && errno != ENOENT) {
        return fail_errno(errno, "cannot move the damaged " + name + " aside");
      }
    }
    return aside;
  }
  return fail(Errc::io, "too many damaged catalogs beside " + catalog_path + ": remove them");
}

Result<OpenedCatalog> open_usable_catalog(const CacheDirectory& directory,
                                          const std::string& boot_id) {
  const std::string& path = directory.catalog_path;
  if (is_missing(path)) {
    auto first = begin_catalog(directory, boot_id);
    if (!first) return fail(first.error());
    return OpenedCatalog{std::move(*first), std::nullopt};
  }
  auto catalog = Catalog::open(path, boot_id);
  if (catalog) return OpenedCatalog{std::move(*catalog), std::nullopt};
  if (catalog.error().code != Errc::corrupt) return fail(catalog.error());
  auto aside = move_catalog_aside(path);
  if (!aside) return fail(aside.error());
  std::string damage = "the catalog was damaged (" + catalog.error().message + "): it now is " +
                       *aside + ", and everything is fetched anew";
  auto fresh = begin_catalog(directory, boot_id);
  if (!fresh) return fail(fresh.error());
  return OpenedCatalog{std::move(*fresh), std::move(damage)};
}

}  // namespace lazymirror
