// SPDX-License-Identifier: Apache-2.0
#include "cache/reservations.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string>

#include "base/file_io.h"
#include "cache/data_tree.h"

namespace lazymirror {
namespace {

constexpr const char* kDirectory = "reserved";

std::string name_of(EntryId id) { return std::string(kDirectory) + '/' + std::to_string(id); }

}  // namespace

Result<> Reservations::add(EntryId id) const {
  const auto note = [&] { return open_fd(meta_.get(), name_of(id), O_WRONLY | O_CREAT); };
  auto noted = note();
  if (!noted && noted.error().os_errno == ENOENT) {
    (void)::mkdirat(meta_.get(), kDirectory, 0700);
    noted = note();
  }
  return noted ? Result<>() : fail(noted.error());
}

void Reservations::remove(EntryId id) const {
  (void)::unlinkat(meta_.get(), name_of(id).c_str(), 0);
}

std::vector<EntryId> Reservations::all() const {
  std::vector<EntryId> ids;
  const auto directory = open_fd(meta_.get(), kDirectory, O_RDONLY | O_DIRECTORY);
  if (!directory) return ids;
  const auto names = names_in(directory->get());
  if (!names) return ids;
  for (const std::string& name : *names) {
    EntryId id = 0;
    const char* const end = name.data() + name.size();
    if (std::from_chars(name.data(), end, id).ptr == end) ids.push_back(id);
  }
  return ids;
}

}  // namespace lazymirror
