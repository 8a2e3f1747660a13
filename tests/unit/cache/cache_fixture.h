// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the cache share: a directory that goes away, a clock that
// stands, listed entries in one line, and bytes that tell where they belong.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cache/cache.h"

namespace lazymirror::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = "/tmp/lazymirror-cache-test-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class HandClock final : public Clock {
 public:
  [[nodiscard]] SteadyTime now() const override { return SteadyTime(); }
  [[nodiscard]] std::int64_t wall_ns() const override { return ns; }
  std::atomic<std::int64_t> ns{1'000'000'000'000'000'000};
};

inline ListedTime utc(std::int64_t seconds, std::int32_t resolution_s = 1) {
  return ListedTime{seconds * 1'000'000'000, resolution_s, true};
}

inline ListedTime local(std::int64_t seconds) {
  return ListedTime{seconds * 1'000'000'000, 60, false};
}

inline ListedEntry listed(const std::string& name, EntryKind kind,
                          std::optional<std::uint64_t> size = std::nullopt,
                          std::optional<ListedTime> mtime = std::nullopt) {
  return ListedEntry{*EntryName::make(name), name, kind, size, mtime};
}

inline ListedEntry listed_file(const std::string& name,
                               std::optional<std::uint64_t> size = std::nullopt,
                               std::optional<ListedTime> mtime = std::nullopt) {
  return listed(name, EntryKind::file, size, mtime);
}

inline ListedEntry listed_directory(const std::string& name) {
  return listed(name, EntryKind::directory);
}

// Never 0, and different for each version: a hole or a mix is seen at once.
inline std::byte byte_at(std::uint64_t offset, unsigned version = 0) {
  const std::uint64_t mixed = (offset + 1) * 0x9e3779b97f4a7c15u + version * 0x632be59bd9b4e019u;
  return static_cast<std::byte>(1 + (mixed >> 40) % 255);
}

inline std::vector<std::byte> bytes_of(ByteRange range, unsigned version = 0) {
  std::vector<std::byte> bytes;
  bytes.reserve(range.size());
  for (std::uint64_t at = range.begin; at < range.end; ++at) bytes.push_back(byte_at(at, version));
  return bytes;
}

template <typename T>
T value(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

inline void expect_ok(const Result<>& result) {
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
}

inline void fill(CachedFile& file, ByteRange range, unsigned version = 0) {
  auto writer = value(file.write_from(range.begin));
  value(writer->append(bytes_of(range, version)));
}

// What read() gives, or nothing when it is not present.
inline std::optional<std::vector<std::byte>> read_bytes(CachedFile& file, ByteRange range) {
  std::vector<std::byte> out(range.size());
  auto n = file.read(out, range.begin, false);
  if (!n) return std::nullopt;
  out.resize(*n);
  return out;
}

inline void expect_bytes(CachedFile& file, ByteRange range, unsigned version = 0) {
  const auto got = read_bytes(file, range);
  ASSERT_TRUE(got.has_value()) << range.begin << " to " << range.end << " is not present";
  EXPECT_TRUE(*got == bytes_of(range, version))
      << "wrong bytes in " << range.begin << " to " << range.end;
}

}  // namespace lazymirror::test
