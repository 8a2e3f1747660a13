// SPDX-License-Identifier: Apache-2.0
#include "fanotify/inherited_descriptors.h"

#include <syslog.h>
#include <unistd.h>

#include <algorithm>

namespace lazymirror::fanotify {

void close_all_but(std::vector<int> kept) {
  ::closelog();  // or syslog(3) would take somebody else's descriptor for its socket
  kept.insert(kept.end(), {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO});
  std::sort(kept.begin(), kept.end());
  unsigned begin = 0;
  for (const int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (fd < 0 || number < begin) continue;
    if (number > begin) ::close_range(begin, number - 1, 0);
    begin = number + 1;
  }
  ::close_range(begin, ~0U, 0);
}

}  // namespace lazymirror::fanotify
