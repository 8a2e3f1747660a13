// SPDX-License-Identifier: Apache-2.0
//
// Checksums as they are published beside files. Not synchronised.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lazymirror {

enum class DigestKind { md5, sha1, sha256, sha512 };  // the stronger the later

[[nodiscard]] std::string_view digest_name(DigestKind kind);                // "SHA256"
[[nodiscard]] std::optional<DigestKind> digest_of_length(std::size_t hex);  // of its digits

class Digest {
 public:
  explicit Digest(DigestKind kind);
  ~Digest();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;

  void add(std::span<const std::byte> bytes);
  // In lower case. Once, at the end; empty when this system refuses the kind.
  [[nodiscard]] std::string hex();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazymirror
