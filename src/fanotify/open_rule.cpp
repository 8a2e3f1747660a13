// SPDX-License-Identifier: Apache-2.0
#include "fanotify/open_rule.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "base/file_io.h"
#include "fanotify/invisible_io.h"

namespace lazymirror::fanotify {
namespace {

// Two empty files will do: whether it can share blocks the file system says
// before it looks at them.
bool can_share_blocks(int directory) {
  const auto from = open_fd(directory, ".", O_TMPFILE | O_RDWR);
  const auto to = open_fd(directory, ".", O_TMPFILE | O_RDWR);
  return from && to && ::ioctl(to->get(), FICLONE, from->get()) == 0;
}

}  // namespace

OpenRule open_rule(const std::string& directory, std::uint64_t limit) {
  const auto fd = open_fd(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
  const bool shares = fd && can_share_blocks(fd->get());
  const bool unseen = shares && has_invisible_io(fd->get());
  return {unseen ? 0 : limit, !shares};
}

}  // namespace lazymirror::fanotify
