// SPDX-License-Identifier: Apache-2.0
#include "cli/handover.h"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <new>

namespace lazymirror::cli {

// One of two texts is in force; the other one is where the next is written.
// Which, and how long it is, changes in one step.
struct Handover::Shared {
  std::atomic<bool> offline{false};
  std::atomic<std::uint64_t> in_force{0};  // 2 * (size + 1) + which; 0: none
  std::array<std::array<char, kMostText>, 2> texts;
};

Result<Handover> Handover::make(bool offline) {
  static_assert(std::atomic<bool>::is_always_lock_free);
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
  void* const memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail_errno(errno, "cannot share memory with the worker");
  std::shared_ptr<Shared> shared(::new (memory) Shared,
                                 [](Shared* mapped) { ::munmap(mapped, sizeof *mapped); });
  shared->offline = offline;
  return Handover(std::move(shared));
}

void Handover::set_offline(bool offline) { shared_->offline = offline; }

bool Handover::offline() const { return shared_->offline; }

void Handover::set_config(std::string_view text) {
  if (text.size() > kMostText) return;
  const std::uint64_t which = 1 - shared_->in_force % 2;
  text.copy(shared_->texts[which].data(), text.size());
  shared_->in_force = 2 * (text.size() + 1) + which;
}

std::optional<std::string> Handover::config() const {
  const std::uint64_t in_force = shared_->in_force;
  const std::uint64_t size = in_force / 2 - 1;
  if (in_force < 2 || size > kMostText) return std::nullopt;
  return std::string(shared_->texts[in_force % 2].data(), size);
}

}  // namespace lazymirror::cli
