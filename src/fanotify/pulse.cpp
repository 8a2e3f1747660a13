// SPDX-License-Identifier: Apache-2.0
#include "fanotify/pulse.h"

#include <algorithm>

namespace lazymirror::fanotify {

bool Pulse::Round::is_over() const {
  return std::all_of(answered.begin(), answered.end(), [](bool a) { return a; });
}

void Pulse::on_ping(SteadyTime now) {
  if (const auto number = next_round()) return begin(*number);
  if (now - last_look_ < kBetweenLooks) return;
  last_look_ = now;
  if (late_.take_their_time(late(), now)) outbox_.pong();
}

// Nothing while one is under way.
std::optional<std::uint64_t> Pulse::next_round() {
  return round_.with([&](Round& round) -> std::optional<std::uint64_t> {
    if (!round.is_over()) return std::nullopt;
    round.answered.assign(lanes_.size(), false);
    return ++round.number;
  });
}

void Pulse::begin(std::uint64_t number) {
  late_.forget();
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    lanes_[lane].run(gate_.function([this, number, lane] { on_answer(number, lane); }));
  }
}

void Pulse::on_answer(std::uint64_t number, std::size_t lane) {
  const bool last = round_.with([&](Round& round) {
    if (round.number != number) return false;
    round.answered[lane] = true;
    return round.is_over();
  });
  if (last) outbox_.pong();
}

std::vector<LateLanes::CrewPtr> Pulse::crews() const {
  std::vector<LateLanes::CrewPtr> all;
  for (const Lane& lane : lanes_) all.push_back(lane.crew);
  return all;
}

std::vector<LateLanes::CrewPtr> Pulse::late() const {
  return round_.with([&](const Round& round) {
    std::vector<LateLanes::CrewPtr> crews;
    for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
      if (!round.answered[lane]) crews.push_back(lanes_[lane].crew);
    }
    return crews;
  });
}

}  // namespace lazymirror::fanotify
