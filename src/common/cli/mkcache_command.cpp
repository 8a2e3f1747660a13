// SPDX-License-Identifier: Apache-2.0
#include "cli/mkcache_command.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/mount_table.h"
#include "base/units.h"
#include "cli/loop_device.h"
#include "cli/real_path.h"
#include "cli/run.h"
#include "cli/terminal.h"
#include "cli/xfs_image.h"

namespace lazymirror::cli {
namespace {

constexpr std::uint64_t kUsualSize = 100ull << 30;

// PATH, and where mkfs.xfs is when PATH is that of an ordinary user.
std::vector<std::string> program_directories() {
  std::vector<std::string> out;
  const char* variable = std::getenv("PATH");
  std::string_view rest = variable != nullptr ? variable : "";
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    if (colon != 0) out.emplace_back(rest.substr(0, colon));
    rest = colon == rest.npos ? std::string_view() : rest.substr(colon + 1);
  }
  for (const char* usual : {"/usr/sbin", "/sbin"}) out.emplace_back(usual);
  return out;
}

Result<> check_empty_directory(const std::string& path) {
  struct stat attributes {};
  if (::stat(path.c_str(), &attributes) != 0) {
    if (errno != ENOENT) return fail_errno(errno, "cannot use the directory " + path);
    return fail(Errc::not_found,
                "the directory " + path + " does not exist; create it: mkdir -p " + path);
  }
  if (!S_ISDIR(attributes.st_mode)) {
    return fail(Errc::not_a_directory, path + " is not a directory; give one");
  }
  std::error_code error;
  const bool empty = std::filesystem::is_empty(path, error);
  if (error) return fail_errno(error.value(), "cannot read the directory " + path);
  if (empty) return {};
  return fail(Errc::busy, "the directory " + path +
                              " is not empty, and what is in it would be hidden: give another one");
}

// Where an attached image is mounted; empty: nowhere. Errc::busy names the
// place if it is not `directory`.
Result<bool> is_mounted_at(const std::string& file, const std::string& directory) {
  const std::string device = loop_device_of(file);
  if (device.empty()) return false;
  const auto table = read_mount_table();
  if (!table) return fail(table.error());
  std::string elsewhere = "attached to " + device + " already: detach it with losetup -d " + device;
  for (const MountLine& line : *table) {
    if (line.source != device) continue;
    if (line.path == directory) return true;
    elsewhere = "mounted at " + line.path + " already: use that, or umount " + line.path;
  }
  return fail(Errc::busy, file + " is " + elsewhere);
}

Result<> mount_image(const std::string& file, const std::string& directory) {
  const auto device = attach_loop_device(file);
  if (!device) return fail(device.error());
  if (::mount(device->path.c_str(), directory.c_str(), "xfs", MS_NOSUID | MS_NODEV | MS_NOATIME,
              nullptr) == 0) {
    return {};
  }
  return fail_errno(errno, "cannot mount " + device->path + " at " + directory);
}

// The whole of it, in an order that finds every mistake before anything is made.
Result<> make_or_mount(const std::string& file, const std::string& directory, std::uint64_t size) {
  const auto kind = look_at_image(file);
  if (!kind) return fail(kind.error());
  if (*kind == ImageKind::other) {
    return fail(Errc::busy, file + " exists and was not made by lazymirror mkcache: give another");
  }
  if (*kind == ImageKind::ours) {
    const auto mounted = is_mounted_at(file, directory);
    if (!mounted) return fail(mounted.error());
    if (*mounted) return {};
  }
  if (auto r = check_empty_directory(directory); !r) return r;
  const bool make = *kind == ImageKind::absent;
  if (make) {
    const auto made = make_xfs_image(file, size == 0 ? kUsualSize : size, program_directories());
    if (!made) return made;
  }
  auto mounted = mount_image(file, directory);
  if (!mounted && make) ::unlink(file.c_str());
  return mounted;
}

// As fstab(5) wants blanks.
std::string escaped(const std::string& path) {
  std::string out;
  for (const char c : path) {
    switch (c) {
      case ' ': out += "\\040"; break;
      case '\t': out += "\\011"; break;
      case '\n': out += "\\012"; break;
      case '\\': out += "\\134"; break;
      default: out += c;
    }
  }
  return out;
}

std::string success_text(const std::string& file, const std::string& directory) {
  return file + " is mounted at " + directory + ". To have it there after the next start, add to " +
         "/etc/fstab:\n" + escaped(file) + " " + escaped(directory) +
         " xfs loop,nosuid,nodev,noatime,nofail 0 0\n";
}

// The file may not be there yet.
Result<std::string> real_file(const std::string& path) {
  const auto slash = path.rfind('/');
  auto directory = real_path(path.substr(0, slash + 1));
  if (!directory) return directory;
  if (::access(path.c_str(), F_OK) == 0) return real_path(path);
  return (*directory == "/" ? "" : *directory) + path.substr(slash);
}

Result<std::string> mkcache(const Options& options, const Surroundings& user) {
  if (!user.root) return fail(Errc::denied, "it needs root: run it with sudo");
  const auto file = real_file(options.image);
  if (!file) return fail(file.error());
  const auto real = real_path(options.image_directory);
  const std::string directory = real ? *real : options.image_directory;
  if (auto r = make_or_mount(*file, directory, options.size); !r) return fail(r.error());
  return success_text(*file, directory);
}

}  // namespace

int mkcache_command(const Options& options, const Surroundings& user) {
  const auto text = mkcache(options, user);
  if (text) return print(*text) ? kSuccess : kFailure;
  print_error("cannot make a home for caches in " + options.image + ": " + text.error().message);
  return kFailure;
}

}  // namespace lazymirror::cli
