// SPDX-License-Identifier: Apache-2.0
#include "fuse/attributes.h"

namespace lazymirror::fuse {
namespace {

timespec to_timespec(std::int64_t ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = ns / kSecond;
  std::int64_t rest = ns % kSecond;
  if (rest < 0) {  // before 1970: tv_nsec counts forward from the second below
    rest += kSecond;
    --seconds;
  }
  return {static_cast<time_t>(seconds), static_cast<long>(rest)};
}

}  // namespace

mode_t type_bits(EntryKind kind) {
  switch (kind) {
    case EntryKind::file: return S_IFREG;
    case EntryKind::directory: return S_IFDIR;
    case EntryKind::unknown: return 0;
  }
  return 0;
}

struct stat to_stat(const Attributes& attributes, const Appearance& appearance) {
  const bool directory = attributes.kind == EntryKind::directory;
  struct stat st {};
  st.st_ino = attributes.id;
  st.st_mode =
      type_bits(attributes.kind) | (directory ? appearance.directory_mode : appearance.file_mode);
  st.st_nlink = directory ? 2 : 1;
  st.st_uid = appearance.uid;
  st.st_gid = appearance.gid;
  st.st_size = directory ? 0 : static_cast<off_t>(attributes.size);
  st.st_blocks = static_cast<blkcnt_t>((static_cast<std::uint64_t>(st.st_size) + 511) / 512);
  st.st_blksize = 4096;
  st.st_mtim = to_timespec(attributes.mtime_ns);
  st.st_atim = st.st_mtim;
  st.st_ctim = to_timespec(attributes.ctime_ns);
  return st;
}

}  // namespace lazymirror::fuse
