// SPDX-License-Identifier: Apache-2.0
#include "fanotify/trap_path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/entry_name.h"

namespace lazymirror::fanotify {

Result<> check_trap_path(std::string_view path) {
  for (;;) {
    const auto slash = path.find('/');
    if (auto name = EntryName::make(path.substr(0, slash)); !name) return fail(name.error());
    if (slash == std::string_view::npos) return {};
    path.remove_prefix(slash + 1);
  }
}

Result<UniqueFd> open_below(int directory, const std::string& path) {
  struct open_how how {};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  const long fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
  if (fd < 0) {
    const bool invalid = errno == ELOOP || errno == ENOTDIR;
    Error error = os_error(errno, "cannot set a trap at " + path);
    if (invalid) error.code = Errc::invalid;
    return fail(std::move(error));
  }
  return UniqueFd(static_cast<int>(fd));
}

}  // namespace lazymirror::fanotify
