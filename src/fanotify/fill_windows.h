// SPDX-License-Identifier: Apache-2.0
//
// Fills the range that one reader waits for. A large one (a mapping of a whole
// file) goes window by window, the next one begun early, each with a deadline
// of its own, begun anew as long as bytes come in: so it ends when nothing moves
// any more, not because it is long.
//
// Threads: safe from any thread.
#pragma once

#include <memory>
#include <utility>

#include "fanotify/worker_parts.h"

namespace lazymirror::fanotify {

class FillWindows : public std::enable_shared_from_this<FillWindows> {
 public:
  static constexpr std::uint64_t kWindow = 16u << 20;

  // `ticket`: of the reader, whose keeper is told when a window is done. `done`
  // may come before the call returns, or on any thread of the engine.
  static void fill(const WorkerParts& parts, Ticket ticket, std::shared_ptr<File> file,
                   ByteRange range, Completion<> done);

  FillWindows(const WorkerParts& parts, Ticket ticket, std::shared_ptr<File> file, ByteRange range,
              Completion<> done)
      : parts_(parts),
        ticket_(ticket),
        file_(std::move(file)),
        rest_(range),
        done_(std::move(done)) {}

 private:
  void next();
  void on_filled(ByteRange window, Result<> filled);
  [[nodiscard]] bool got_further(ByteRange window);
  void begin_early(ByteRange window);
  [[nodiscard]] ByteRange take_window();
  [[nodiscard]] static ByteRange first_of(ByteRange rest);

  const WorkerParts& parts_;
  const Ticket ticket_;
  const std::shared_ptr<File> file_;
  ByteRange rest_;
  Completion<> done_;
};

}  // namespace lazymirror::fanotify
