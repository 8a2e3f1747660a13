// SPDX-License-Identifier: Apache-2.0
//
// Eviction where users see other inodes than those of the cache. Nobody is
// shown a wrong byte, whoever reads: he fills the file again. So whether it is
// open is a matter of what is worth keeping. Only of a file without a validator
// what was read before and what is fetched again might be two versions: it goes
// with its generation, and so with the pages that the kernel keeps of it.
//
// Threads: safe from any thread.
#pragma once

#include "engine/changes.h"
#include "engine/file_evictor.h"
#include "engine/open_files.h"

namespace lazymirror {

class MountedFiles final : public FileEvictor {
 public:
  MountedFiles(Cache& cache, OpenFiles& open, Changes& changes)
      : cache_(cache), open_(open), changes_(changes) {}

  Result<> evict(EntryId id) override;
  Result<std::uint64_t> evict_tail(EntryId id, std::uint64_t bytes) override;

 private:
  [[nodiscard]] bool is_nameless(EntryId id);
  template <typename F>
  auto give(EntryId id, F&& f) -> decltype(f());

  Cache& cache_;
  OpenFiles& open_;
  Changes& changes_;
};

}  // namespace lazymirror
