// SPDX-License-Identifier: Apache-2.0
#include "fanotify/fill_windows.h"

#include <algorithm>

namespace lazymirror::fanotify {
namespace {

constexpr std::uint64_t kStep = 64u << 10;

}  // namespace

void FillWindows::fill(const WorkerParts& parts, Ticket ticket, std::shared_ptr<File> file,
                       ByteRange range, Completion<> done) {
  std::make_shared<FillWindows>(parts, ticket, std::move(file), range, std::move(done))->next();
}

// Windows end at multiples of their size, so that several readers share them.
ByteRange FillWindows::first_of(ByteRange rest) {
  const std::uint64_t end = (rest.begin / kWindow + 1) * kWindow;
  return {rest.begin, std::min(rest.end, end)};
}

// The first one that is not present.
ByteRange FillWindows::take_window() {
  for (;;) {
    const ByteRange window = first_of(rest_);
    rest_.begin = window.end;
    if (rest_.empty() || !file_->is_present(window)) return window;
  }
}

void FillWindows::next() {
  const ByteRange window = take_window();
  const ByteRange following = rest_;
  auto then = [self = shared_from_this(), window](Result<> filled) {
    self->on_filled(window, std::move(filled));
  };
  parts_.engine.fill(file_, window, parts_.context(Priority::demand),
                     parts_.gate.completion<void>(std::move(then)));
  if (!following.empty()) begin_early(first_of(following));
}

void FillWindows::on_filled(ByteRange window, Result<> filled) {
  const bool slow = !filled && filled.error().code == Errc::timeout && got_further(window);
  if (!slow && (!filled || rest_.empty())) return done_(std::move(filled));
  parts_.outbox.progress(ticket_);
  next();
}

// Sets the rest to what is missing of the window and behind it.
bool FillWindows::got_further(ByteRange window) {
  std::uint64_t at = window.begin;
  while (at < window.end) {
    const ByteRange step{at, std::min((at / kStep + 1) * kStep, window.end)};
    if (!file_->is_present(step)) break;
    at = step.end;
  }
  if (at == window.begin) return false;
  rest_.begin = at;
  return true;
}

// Nobody waits for it: whether it succeeds is seen when its turn comes.
void FillWindows::begin_early(ByteRange window) {
  parts_.engine.fill(file_, window, parts_.context(Priority::read_ahead), [](const Result<>&) {});
}

}  // namespace lazymirror::fanotify
