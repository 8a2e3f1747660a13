// SPDX-License-Identifier: Apache-2.0
#include "fanotify/stamped.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <cerrno>

namespace lazymirror::fanotify {

Stamped is_stamped(int file) {
  struct stat attributes {};
  if (::fstat(file, &attributes) != 0 || !S_ISREG(attributes.st_mode)) return Stamped::unknown;
  if (::fgetxattr(file, "user.lazymirror.id", nullptr, 0) > 0) return Stamped::yes;
  return errno == ENODATA ? Stamped::no : Stamped::unknown;
}

}  // namespace lazymirror::fanotify
