// SPDX-License-Identifier: Apache-2.0
#include "base/digest.h"

#include <openssl/evp.h>

#include <array>

namespace lazymirror {
namespace {

const EVP_MD* method(DigestKind kind) {
  switch (kind) {
    case DigestKind::md5: return EVP_md5();
    case DigestKind::sha1: return EVP_sha1();
    case DigestKind::sha256: return EVP_sha256();
    case DigestKind::sha512: break;
  }
  return EVP_sha512();
}

}  // namespace

std::string_view digest_name(DigestKind kind) {
  switch (kind) {
    case DigestKind::md5: return "MD5";
    case DigestKind::sha1: return "SHA1";
    case DigestKind::sha256: return "SHA256";
    case DigestKind::sha512: break;
  }
  return "SHA512";
}

std::optional<DigestKind> digest_of_length(std::size_t hex) {
  switch (hex) {
    case 32: return DigestKind::md5;
    case 40: return DigestKind::sha1;
    case 64: return DigestKind::sha256;
    case 128: return DigestKind::sha512;
    default: return std::nullopt;
  }
}

struct Digest::Impl {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
  bool good = false;
};

Digest::Digest(DigestKind kind) : impl_(std::make_unique<Impl>()) {
  impl_->good =
      impl_->context && EVP_DigestInit_ex(impl_->context.get(), method(kind), nullptr) == 1;
}
Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

void Digest::add(std::span<const std::byte> bytes) {
  impl_->good =
      impl_->good && EVP_DigestUpdate(impl_->context.get(), bytes.data(), bytes.size()) == 1;
}

std::string Digest::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> value{};
  unsigned size = 0;
  if (!impl_->good || EVP_DigestFinal_ex(impl_->context.get(), value.data(), &size) != 1) return {};
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += kDigits[value[i] >> 4];
    text += kDigits[value[i] & 15];
  }
  return text;
}

}  // namespace lazymirror
