// SPDX-License-Identifier: Apache-2.0
#include "jobs_fixture.h"

#include <fstream>

#include "base/digest.h"
#include "support/truth.h"

namespace lazymirror::testing {

using ::testing::AssertionFailure;
using ::testing::AssertionResult;
using ::testing::AssertionSuccess;

JobId JobsTest::begin(JobKind kind, const std::vector<std::string>& paths, bool recursive) {
  watcher = std::make_shared<Watcher>();
  return engine->jobs().start({kind, paths, recursive}, watcher);
}

AssertionResult JobsTest::run(JobKind kind, const std::vector<std::string>& paths, bool recursive) {
  begin(kind, paths, recursive);
  if (!watcher->wait_for_end()) return AssertionFailure() << "it does not end";
  const auto result = *watcher->result();
  if (!result) return AssertionFailure() << result.error().message;
  return AssertionSuccess();
}

Error JobsTest::error_of(JobKind kind, const std::vector<std::string>& paths) {
  begin(kind, paths);
  if (!watcher->wait_for_end()) return {Errc::internal, "it does not end", 0};
  const auto result = *watcher->result();
  return result ? Error{Errc::internal, "it ends without an error", 0} : result.error();
}

AssertionResult JobsTest::is_complete(const std::string& path, std::uint64_t size,
                                      std::uint64_t version) {
  const auto file = open(path);
  if (!file || !file->is_complete()) return AssertionFailure() << path << " is not complete";
  return reads(file, path, version, {0, size});
}

void JobsTest::flip(const std::string& path, std::uint64_t offset) const {
  std::fstream file(directory / "cache/data/" + path,
                    std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(file) << path;
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get() ^ 1);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
}

std::string JobsTest::sha256_of(const std::string& path, std::uint64_t size,
                                std::uint64_t version) {
  std::vector<std::byte> bytes(size);
  oracle_fill(path, version, 0, bytes);
  Digest sum(DigestKind::sha256);
  sum.add(bytes);
  return sum.hex();
}

void JobsTest::make_tree() {
  web->put("/a", {kSize});
  web->put("/d/b", {kSize});
  web->put("/d/e/c", {5 * kMiB});
  web->put("/d/e/empty", {0});
}

}  // namespace lazymirror::testing
