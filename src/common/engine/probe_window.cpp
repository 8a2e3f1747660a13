// SPDX-License-Identifier: Apache-2.0
#include "engine/probe_window.h"

#include <algorithm>

namespace lazymirror {

ProbeWindow::Window& ProbeWindow::of(std::list<Window>& windows, EntryId directory) {
  const auto found = std::find_if(windows.begin(), windows.end(),
                                  [&](const Window& w) { return w.directory == directory; });
  if (found != windows.end()) {
    windows.splice(windows.begin(), windows, found);
  } else {
    windows.push_front({directory, {}, false, false});
    if (windows.size() > kMostDirectories) windows.pop_back();
  }
  return windows.front();
}

std::optional<ProbeWindow::Step> ProbeWindow::on_use(EntryId directory, EntryId id, bool unsized) {
  if (width_ == 0) return std::nullopt;
  return windows_.with([&](std::list<Window>& windows) -> std::optional<Step> {
    Window& w = of(windows, directory);
    if (w.extending) return std::nullopt;
    const auto next = std::upper_bound(w.asked.begin(), w.asked.end(), id);
    const bool known = next != w.asked.begin() && *std::prev(next) == id;
    if (unsized && !known) {
      w = {directory, {id}, true, false};
      return Step{id, width_};
    }
    const auto remaining = static_cast<std::size_t>(w.asked.end() - next);
    if (w.asked.empty() || w.exhausted || 2 * remaining > width_) return std::nullopt;
    w.extending = true;
    return Step{w.asked.back(), width_ - remaining};
  });
}

void ProbeWindow::asked(EntryId directory, const Step& step, const std::vector<EntryId>& ids) {
  windows_.with([&](std::list<Window>& windows) {
    Window& w = of(windows, directory);
    w.extending = false;
    w.exhausted = ids.size() < step.count;
    w.asked.insert(w.asked.end(), ids.begin(), ids.end());
    if (w.asked.size() > 2 * width_) {
      w.asked.erase(w.asked.begin(), w.asked.end() - static_cast<std::ptrdiff_t>(2 * width_));
    }
  });
}

}  // namespace lazymirror
