// SPDX-License-Identifier: Apache-2.0
//
// The name of an entry as it may appear in a directory. A value of this type
// has passed the one check between what servers publish and what we create on
// disk: not empty, at most 255 bytes, not "." or "..", no '/' and no NUL
// (path_resolution(7)). Any other byte is allowed, as on any Linux file system.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lazymirror {

class EntryName {
 public:
  static constexpr std::size_t kMaxBytes = 255;  // NAME_MAX

  // Errc::invalid with the reason when the bytes cannot be a name.
  [[nodiscard]] static Result<EntryName> make(std::string_view bytes);

  [[nodiscard]] const std::string& str() const { return bytes_; }
  [[nodiscard]] const char* c_str() const { return bytes_.c_str(); }

  friend auto operator<=>(const EntryName&, const EntryName&) = default;

 private:
  explicit EntryName(std::string_view bytes) : bytes_(bytes) {}
  std::string bytes_;
};

}  // namespace lazymirror
