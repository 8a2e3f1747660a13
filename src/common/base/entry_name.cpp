// SPDX-License-Identifier: Apache-2.0
#include "base/entry_name.h"

namespace lazymirror {

Result<EntryName> EntryName::make(std::string_view bytes) {
  if (bytes.empty()) return fail(Errc::invalid, "the name is empty");
  if (bytes.size() > kMaxBytes) return fail(Errc::invalid, "the name is longer than 255 bytes");
  if (bytes == "." || bytes == "..") return fail(Errc::invalid, "the name is '.' or '..'");
  if (bytes.find('/') != bytes.npos) return fail(Errc::invalid, "the name contains '/'");
  if (bytes.find('\0') != bytes.npos) return fail(Errc::invalid, "the name contains NUL");
  return EntryName(bytes);
}

}  // namespace lazymirror
