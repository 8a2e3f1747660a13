// SPDX-License-Identifier: Apache-2.0
#include "control/socket_place.h"

#include <fcntl.h>

#include <cstring>

#include "base/file_io.h"

namespace lazymirror::control {

Result<SocketPlace> socket_place(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos || slash + 1 == path.size()) {
    return fail(Errc::invalid, "'" + path + "' cannot be the path of a socket");
  }
  SocketPlace place;
  place.name = path.substr(slash + 1);
  auto directory = open_fd(AT_FDCWD, path.substr(0, slash + 1), O_PATH | O_DIRECTORY);
  if (!directory) return fail(directory.error());
  place.directory = std::move(*directory);
  std::string reachable = path;
  if (path.size() >= sizeof place.address.sun_path) {
    reachable = "/proc/self/fd/" + std::to_string(place.directory.get()) + "/" + place.name;
  }
  if (reachable.size() >= sizeof place.address.sun_path) {
    return fail(Errc::invalid, "the name of the socket " + path + " is too long");
  }
  place.address.sun_family = AF_UNIX;
  std::memcpy(place.address.sun_path, reachable.c_str(), reachable.size() + 1);
  return place;
}

}  // namespace lazymirror::control
