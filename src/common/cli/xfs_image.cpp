// SPDX-License-Identifier: Apache-2.0
#include "cli/xfs_image.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "base/file_io.h"

namespace lazymirror::cli {
namespace {

constexpr std::string_view kLabel = "lazymirror";  // XFS takes 12 bytes

// The first sector of XFS (xfs_dsb): "XFSB" at 0, the label at 108.
constexpr std::size_t kLabelAt = 108;
constexpr std::size_t kLabelSize = 12;

Result<std::string> find_mkfs(const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    std::string path = directory + "/mkfs.xfs";
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return fail(Errc::unsupported,
              "mkfs.xfs is not installed: it is in the package xfsprogs (apt install xfsprogs)");
}

Result<> run_mkfs(const std::string& program, const std::string& file) {
  std::vector<std::string> words = {program, "-q",        "-L", std::string(kLabel),
                                    "-m",    "reflink=1", file};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawn(&child, program.c_str(), nullptr, nullptr, argv.data(), environ);
  if (error != 0) return fail_errno(error, "cannot run " + program);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return fail_errno(errno, "cannot wait for " + program);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(Errc::io, program + " failed (its own words are above)");
}

Result<> make_sparse(const std::string& file, std::uint64_t size) {
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail_errno(errno, "cannot make " + file);
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) == 0) return {};
  const int error = errno;
  ::unlink(file.c_str());
  return fail_errno(error, "cannot make " + file + " so large");
}

}  // namespace

Result<ImageKind> look_at_image(const std::string& file) {
  struct stat attributes {};
  if (::stat(file.c_str(), &attributes) != 0) {
    if (errno == ENOENT) return ImageKind::absent;
    return fail_errno(errno, "cannot look at " + file);
  }
  if (!S_ISREG(attributes.st_mode)) return ImageKind::other;
  const auto fd = open_fd(AT_FDCWD, file, O_RDONLY);
  if (!fd) return fail(fd.error());
  std::array<char, kLabelAt + kLabelSize> head{};
  const auto n = pread_full(fd->get(), std::as_writable_bytes(std::span(head)), 0);
  if (!n) return fail(n.error());
  std::string label(kLabel);
  label.resize(kLabelSize, '\0');
  const std::string_view seen(head.data(), *n);
  const bool ours = seen.starts_with("XFSB") && seen.ends_with(label) && *n == head.size();
  return ours ? ImageKind::ours : ImageKind::other;
}

Result<> make_xfs_image(const std::string& file, std::uint64_t size,
                        const std::vector<std::string>& directories) {
  const auto program = find_mkfs(directories);
  if (!program) return fail(program.error());
  if (auto r = make_sparse(file, size); !r) return r;
  auto made = run_mkfs(*program, file);
  if (!made) ::unlink(file.c_str());
  return made;
}

}  // namespace lazymirror::cli
