// SPDX-License-Identifier: Apache-2.0
#include "support/truth.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/unique_fd.h"

namespace lazymirror::testing {
namespace {

::testing::AssertionResult failed_call(const std::string& call, const std::string& path) {
  return ::testing::AssertionFailure() << call << ' ' << path << ": " << std::strerror(errno);
}

void check(bool good, const std::string& what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

::testing::AssertionResult bytes_are(const std::string& truth, std::uint64_t version,
                                     std::uint64_t offset, std::span<const std::byte> bytes) {
  const auto wrong = oracle_mismatch(truth, version, offset, bytes);
  if (!wrong) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "wrong byte at " << offset + *wrong << " of " << truth << ": "
         << std::to_integer<int>(bytes[*wrong]) << " instead of "
         << std::to_integer<int>(oracle_byte(truth, version, offset + *wrong)) << " of version "
         << version;
}

::testing::AssertionResult bytes_are(const std::string& truth, std::uint64_t version,
                                     std::uint64_t offset, const std::string& bytes) {
  return bytes_are(truth, version, offset, std::as_bytes(std::span(bytes)));
}

::testing::AssertionResult file_is(const std::string& path, const std::string& truth,
                                   std::uint64_t version, std::uint64_t size, std::size_t piece) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return failed_call("open", path);
  std::vector<std::byte> buffer(piece);
  std::uint64_t offset = 0;
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0) return failed_call("read at " + std::to_string(offset), path);
    if (n == 0) break;
    const std::span got(buffer.data(), static_cast<std::size_t>(n));
    if (auto result = bytes_are(truth, version, offset, got); !result) return result;
    offset += got.size();
  }
  if (offset == size) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << path << " ends at " << offset << " instead of " << size;
}

void lay_out(const std::string& path, const std::string& truth, const OracleFile& file) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  // Short, as the name itself may have the full 255 bytes.
  const std::string temporary = std::filesystem::path(path).parent_path().string() + "/.new";
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  check(fd.valid(), "open " + temporary);
  std::vector<std::byte> buffer(std::min<std::uint64_t>(file.size, 1u << 20));
  for (std::uint64_t offset = 0; offset < file.size;) {
    const std::span piece(buffer.data(),
                          std::min<std::uint64_t>(buffer.size(), file.size - offset));
    oracle_fill(truth, file.version, offset, piece);
    check(::write(fd.get(), piece.data(), piece.size()) == static_cast<ssize_t>(piece.size()),
          "write " + temporary);
    offset += piece.size();
  }
  const std::array<timespec, 2> times{timespec{file.mtime, 0}, timespec{file.mtime, 0}};
  check(::futimens(fd.get(), times.data()) == 0, "futimens " + temporary);
  check(::rename(temporary.c_str(), path.c_str()) == 0, "rename " + path);
}

}  // namespace lazymirror::testing
