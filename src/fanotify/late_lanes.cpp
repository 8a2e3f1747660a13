// SPDX-License-Identifier: Apache-2.0
#include "fanotify/late_lanes.h"

#include <algorithm>

namespace lazymirror::fanotify {
namespace {

// One thread between two looks.
struct Stretch {
  ThreadState before, now;
  std::chrono::nanoseconds length;

  [[nodiscard]] bool waits_for_disk() const { return now.state == 'D'; }
  [[nodiscard]] bool waited_for_disk_all_the_time() const {
    return waits_for_disk() && before.state == 'D' && before.turns == now.turns;
  }
  [[nodiscard]] bool is_starved() const { return now.waited - before.waited >= length / 2; }
  [[nodiscard]] bool runs() const { return now.state == 'R'; }
  [[nodiscard]] std::chrono::nanoseconds ran() const { return now.ran - before.ran; }
};

using Stretches = std::map<pid_t, Stretch>;

Stretches stretches(const ThreadStates& before, const ThreadStates& now,
                    std::chrono::nanoseconds length) {
  Stretches all;
  for (const auto& [id, state] : now) {
    const auto then = before.find(id);
    if (then != before.end()) all.emplace(id, Stretch{then->second, state, length});
  }
  return all;
}

std::vector<Stretch> of_members(const Crew& crew, const Stretches& seen) {
  std::vector<Stretch> members;
  for (const pid_t member : crew.members()) {
    const auto found = seen.find(member);
    if (found != seen.end()) members.push_back(found->second);
  }
  return members;
}

bool any(const std::vector<Stretch>& all, bool (Stretch::*is_so)() const) {
  return std::any_of(all.begin(), all.end(), [&](const Stretch& each) { return (each.*is_so)(); });
}

// They are ready to run, and had too little of a processor to be judged by what
// they did with it.
bool may_not_run(const std::vector<Stretch>& members, std::chrono::nanoseconds length) {
  std::chrono::nanoseconds ran{0};
  for (const Stretch& member : members) ran += member.ran();
  return any(members, &Stretch::runs) &&
         ran < std::min<std::chrono::nanoseconds>(length / 2, LateLanes::kSpin);
}

// None of them runs, and another thread is held up, or has much to do.
bool may_wait_for_another(const std::vector<Stretch>& members, const Stretches& seen,
                          bool another_works) {
  if (any(members, &Stretch::runs)) return false;
  return another_works || seen.empty() ||
         std::any_of(seen.begin(), seen.end(), [](const auto& each) {
           return each.second.waited_for_disk_all_the_time() || each.second.is_starved();
         });
}

}  // namespace

bool LateLanes::take_their_time(const std::vector<CrewPtr>& late, SteadyTime now) {
  const ThreadStates threads = probe_();
  // Each is looked at, for its case to be known.
  const auto excused = std::count_if(late.begin(), late.end(), [&](const CrewPtr& crew) {
    return takes_its_time(*crew, threads, now);
  });
  note_work();
  return excused == static_cast<std::ptrdiff_t>(late.size());
}

void LateLanes::note_work() {
  for (const CrewPtr& crew : all_) at_last_look_[crew.get()] = crew->steps();
}

bool LateLanes::another_works(const Crew& crew) const {
  return std::any_of(all_.begin(), all_.end(), [&](const CrewPtr& other) {
    const auto before = at_last_look_.find(other.get());
    return other.get() != &crew && before != at_last_look_.end() &&
           other->steps() - before->second >= kMuch;
  });
}

void LateLanes::begin(Case& it, const Crew& crew, const ThreadStates& threads, SteadyTime now) {
  it.steps = crew.steps();
  it.since = now;
  it.then = threads;
}

bool LateLanes::takes_its_time(const Crew& crew, const ThreadStates& threads, SteadyTime now) {
  const auto [found, first] = cases_.try_emplace(&crew);
  Case& it = found->second;
  it.has_gone_on = !first && (it.has_gone_on || it.steps != crew.steps());
  if (first || it.steps != crew.steps()) begin(it, crew, threads, now);
  const auto length = now - it.since;
  if (length < kWindow) return it.has_gone_on;
  const auto seen = stretches(it.then, threads, length);
  const auto members = of_members(crew, seen);
  if (any(members, &Stretch::waits_for_disk) || may_not_run(members, length)) return true;
  return length < kPatience && may_wait_for_another(members, seen, another_works(crew));
}

}  // namespace lazymirror::fanotify
