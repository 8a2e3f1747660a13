// SPDX-License-Identifier: Apache-2.0
//
// An HTTP/1.1 server of a tree that is nowhere: listings as of nginx, made up
// when they are asked for, of files that cannot be fetched. For trees of a
// million entries; its own memory does not grow with them.
//
// Threads: safe from any thread. Listens on 127.0.0.1, on a port of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace lazymirror::testing {

// `outer` directories of `inner` ones of `files` files.
struct GeneratedShape {
  unsigned outer = 0, inner = 0, files = 0;

  [[nodiscard]] std::size_t directories() const { return 1 + outer + std::size_t{outer} * inner; }
  [[nodiscard]] std::size_t all_files() const { return std::size_t{outer} * inner * files; }
  // "d3/e14/some-file-of-usual-length-7.tar.gz"
  [[nodiscard]] static std::string path(unsigned outer, unsigned inner, unsigned file);
  [[nodiscard]] static std::uint64_t size(unsigned outer, unsigned inner, unsigned file);
};

class GeneratedOrigin {
 public:
  explicit GeneratedOrigin(GeneratedShape shape);  // listening when it returns
  ~GeneratedOrigin();
  GeneratedOrigin(const GeneratedOrigin&) = delete;
  GeneratedOrigin& operator=(const GeneratedOrigin&) = delete;

  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::size_t requests() const;  // of any kind, until now

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lazymirror::testing
