// SPDX-License-Identifier: Apache-2.0
#include "cli/private_files.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>

#include "base/file_io.h"

namespace lazymirror::cli {
namespace {

using Field = std::string OriginOptions::*;

// Directories of certificates cannot be carried along; they are public.
constexpr std::array<Field, 3> kFields = {&OriginOptions::netrc_file, &OriginOptions::ca_file,
                                          &OriginOptions::proxy_ca_file};

Result<UniqueFd> memory_file(const std::string& contents) {
  UniqueFd fd(::memfd_create("lazymirror", MFD_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "cannot make a file in memory");
  if (auto r = pwrite_full(fd.get(), std::as_bytes(std::span(contents)), 0); !r) {
    return fail(r.error());
  }
  return fd;
}

std::string usual_netrc(const OriginOptions& options, const std::string& home) {
  if (!options.netrc || !options.netrc_file.empty() || home.empty()) return {};
  std::string path = home + "/.netrc";
  return ::access(path.c_str(), F_OK) == 0 ? path : std::string();
}

}  // namespace

Result<PrivateFiles> PrivateFiles::read(const OriginOptions& options, const std::string& home) {
  PrivateFiles files;
  for (const Field field : kFields) {
    std::string path = options.*field;
    if (field == &OriginOptions::netrc_file && path.empty()) path = usual_netrc(options, home);
    if (path.empty()) continue;
    auto contents = read_file(path);
    if (!contents) return fail(contents.error());
    files.contents_.emplace_back(field, std::move(*contents));
  }
  return files;
}

Result<OriginOptions> PrivateFiles::show(OriginOptions options,
                                         std::vector<UniqueFd>& shown) const {
  for (const auto& [field, contents] : contents_) {
    auto fd = memory_file(contents);
    if (!fd) return fail(fd.error());
    options.*field = "/proc/self/fd/" + std::to_string(fd->get());
    shown.push_back(std::move(*fd));
  }
  return options;
}

}  // namespace lazymirror::cli
