// SPDX-License-Identifier: Apache-2.0
#include "fanotify/group.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <sstream>

#include "base/file_io.h"
#include "fanotify/kernel_abi.h"

namespace lazymirror::fanotify {
namespace {

constexpr unsigned kGroupFlags =
    FAN_CLASS_PRE_CONTENT | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS | FAN_NONBLOCK | FAN_CLOEXEC;
// O_NONBLOCK: a lease that a user took on his own file must refuse that user,
// not stall the reader of the group.
constexpr unsigned kEventFlags = O_RDONLY | O_NONBLOCK | O_LARGEFILE | O_CLOEXEC | O_NOATIME;

// Ignoring without an end at the next write; this older flavour silences files
// and directories alike.
constexpr unsigned kIgnore = FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY;

// An event with its range record.
constexpr std::size_t kEventSize = sizeof(fanotify_event_metadata) + sizeof(InfoRange);

Failure cannot_create(int err) {
  if (err == EPERM) {
    return fail(Errc::denied, "watching in place needs root (CAP_SYS_ADMIN): run it with sudo");
  }
  if (err == EINVAL || err == ENOSYS) {
    return fail(Errc::unsupported, "this kernel has no fanotify permission events");
  }
  return fail_errno(err, "cannot create a fanotify group");
}

bool is_unsupported(int err) { return err == EINVAL || err == EOPNOTSUPP || err == ENODEV; }

Failure cannot_mark(int err, const char* what) {
  Error error = os_error(err, std::string("cannot set a fanotify mark to ") + what);
  if (is_unsupported(err)) error.code = Errc::unsupported;
  return fail(std::move(error));
}

bool is_path_only(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_PATH) != 0;
}

// fanotify_mark(2) takes no O_PATH descriptor by itself.
int mark_object(int group, unsigned flags, std::uint64_t mask, int fd) {
  if (!is_path_only(fd)) return ::fanotify_mark(group, flags, mask, fd, nullptr);
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return ::fanotify_mark(group, flags, mask, AT_FDCWD, path.c_str());
}

bool write_answer(int group, int number, std::uint32_t response) {
  fanotify_response answer{};
  answer.fd = number;
  answer.response = response;
  return ::write(group, &answer, sizeof answer) == static_cast<ssize_t>(sizeof answer);
}

// "fanotify mnt_id:12 mflags:0 mask:40010000 ignored_mask:0" of
// proc_pid_fdinfo(5), in hexadecimal; nothing for other marks.
std::optional<std::uint64_t> mount_asked_about(const std::string& line) {
  unsigned long long id = 0, flags = 0, mask = 0;
  if (std::sscanf(line.c_str(), "fanotify mnt_id:%llx mflags:%llx mask:%llx", &id, &flags, &mask) !=
      3) {
    return std::nullopt;
  }
  return mask != 0 ? std::optional<std::uint64_t>(id) : std::nullopt;
}

}  // namespace

Result<Group> Group::create(EventMode mode) {
  int fd = ::fanotify_init(kGroupFlags | kReportFdError, kEventFlags);
  // Before Linux 6.13; read() then fails for such an event instead.
  if (fd < 0 && errno == EINVAL) fd = ::fanotify_init(kGroupFlags, kEventFlags);
  if (fd < 0) return cannot_create(errno);
  return Group(UniqueFd(fd), mode);
}

std::uint64_t Group::file_mask(bool opens) const {
  const std::uint64_t reads = mode_ == EventMode::pre_access ? kPreAccess : FAN_ACCESS_PERM;
  return opens ? reads | FAN_OPEN_PERM : reads;
}

Result<> Group::mark(unsigned flags, std::uint64_t mask, int fd, const char* what) {
  if (mark_object(fd_.get(), FAN_MARK_ADD | flags, mask, fd) == 0) return {};
  return cannot_mark(errno, what);
}

Result<> Group::unmark(unsigned flags, std::uint64_t mask, int fd, const char* what) {
  if (mark_object(fd_.get(), FAN_MARK_REMOVE | flags, mask, fd) == 0 || errno == ENOENT) return {};
  return cannot_mark(errno, what);
}

Result<> Group::guard_filesystem(int fd, bool opens) {
  return mark(FAN_MARK_FILESYSTEM, file_mask(opens), fd, "guard the file system");
}

Result<> Group::guard_file(int fd, bool opens) {
  return mark(0, file_mask(opens), fd, "guard a file");
}

Result<> Group::unguard_file(int fd) { return unmark(0, file_mask(true), fd, "unguard a file"); }

Result<> Group::guard_opens(int fd) { return mark(0, FAN_OPEN_PERM, fd, "guard a file"); }

Result<> Group::unguard_all() {
  if (::fanotify_mark(fd_.get(), FAN_MARK_FLUSH, 0, AT_FDCWD, nullptr) == 0) return {};
  return cannot_mark(errno, "unguard all files");
}

Result<> Group::guard_directory(int fd) {
  return mark(FAN_MARK_ONLYDIR, FAN_OPEN_PERM | FAN_ONDIR, fd, "guard a directory");
}

Result<> Group::unguard_directory(int fd) {
  return unmark(FAN_MARK_ONLYDIR, FAN_OPEN_PERM | FAN_ONDIR, fd, "unguard a directory");
}

Result<> Group::watch_directories_of_mount(int fd, bool files_too) {
  // Ignoring without FAN_ONDIR is for files alone.
  if (!files_too) {
    (void)mark_object(fd_.get(), FAN_MARK_ADD | FAN_MARK_MOUNT | kMarkIgnoreSurv, FAN_OPEN_PERM,
                      fd);
  }
  return mark(FAN_MARK_MOUNT, FAN_OPEN_PERM | FAN_ONDIR, fd, "watch the directories of a mount");
}

std::vector<std::uint64_t> Group::watched_mounts() const {
  constexpr std::size_t kLimit = 64u << 20;  // a line for each mark, also of files
  const auto text = read_file("/proc/self/fdinfo/" + std::to_string(fd_.get()), kLimit);
  std::vector<std::uint64_t> found;
  std::istringstream lines(text ? *text : std::string());
  for (std::string line; std::getline(lines, line);) {
    if (const auto id = mount_asked_about(line)) found.push_back(*id);
  }
  return found;
}

Result<> Group::settle(int fd) {
  const UniqueFd group(::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC));
  if (!group.valid()) return cannot_create(errno);
  if (mark_object(group.get(), FAN_MARK_ADD, FAN_CLOSE_WRITE, fd) == 0) return {};
  return cannot_mark(errno, "wait for marks");
}

Result<> Group::ignore_mount(int fd) {
  return mark(FAN_MARK_MOUNT | kIgnore, file_mask(true), fd, "ignore a mount");
}

Result<> Group::ignore_file(int fd) {
  return mark(kIgnore | kMarkEvictable, file_mask(true), fd, "ignore a file");
}

Result<> Group::heed_file(int fd) {
  return unmark(FAN_MARK_IGNORED_MASK, file_mask(true), fd, "heed a file again");
}

Result<> Group::ignore_directory(int fd) {
  return mark(kIgnore | kMarkEvictable | FAN_MARK_ONLYDIR, FAN_OPEN_PERM, fd, "ignore a directory");
}

Result<> Group::heed_directory(int fd) {
  return unmark(FAN_MARK_IGNORED_MASK | FAN_MARK_ONLYDIR, FAN_OPEN_PERM, fd,
                "heed a directory again");
}

Result<Events> Group::read(std::size_t at_most) {
  alignas(fanotify_event_metadata) std::array<std::byte, kReadAtOnce * kEventSize> buffer;
  const std::size_t room = std::clamp<std::size_t>(at_most, 1, kReadAtOnce) * kEventSize;
  const ssize_t size = ::read(fd_.get(), buffer.data(), room);
  if (size >= 0) return parse_events({buffer.data(), static_cast<std::size_t>(size)});
  if (errno == EAGAIN || errno == EINTR) return Events{};
  if (errno == EBADF || errno == EFAULT || errno == EINVAL) {
    return fail_errno(errno, "cannot read from the fanotify group");
  }
  return Events{.events = {}, .failed = 1, .overflow = false};  // an old kernel, see create()
}

Result<> Group::answer(int number, int error) {
  const std::uint32_t response = error == 0 ? FAN_ALLOW : deny_with(deliverable(error));
  if (write_answer(fd_.get(), number, response)) return {};
  // Before Linux 6.13 a reader can only be given EPERM.
  if (errno == EINVAL && error != 0 && write_answer(fd_.get(), number, FAN_DENY)) return {};
  if (errno == ENOENT) return fail(Errc::not_found, "nobody waits for this answer");
  return fail_errno(errno, "cannot answer a fanotify event");
}

void Group::deny_numbers_below(int limit, int error) {
  const std::uint32_t response = deny_with(deliverable(error));
  for (int number = 0; number < limit; ++number) {
    if (!write_answer(fd_.get(), number, response) && errno == EINVAL) {
      (void)write_answer(fd_.get(), number, FAN_DENY);
    }
  }
}

int deliverable(int error) {
  switch (error) {
    case EPERM:
    case EIO:
    case EAGAIN:
    case EBUSY:
    case ETXTBSY:
    case ENOSPC:
    case EDQUOT: return error;
    case EACCES: return EPERM;
    default: return EIO;
  }
}

int errno_for_reader(const Error& error) {
  switch (error.code) {
    case Errc::denied: return EPERM;
    case Errc::busy: return EBUSY;
    case Errc::no_space: return error.os_errno == EDQUOT ? EDQUOT : ENOSPC;
    default: return EIO;
  }
}

}  // namespace lazymirror::fanotify
