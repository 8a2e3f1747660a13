// SPDX-License-Identifier: Apache-2.0
#include "fanotify/thread_state.h"

#include <dirent.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string>

#include "base/file_io.h"

namespace lazymirror::fanotify {
namespace {

constexpr const char* kTasks = "/proc/self/task";
constexpr std::size_t kMaxText = 1024;

// "17 (a name, of any kind) S 1 ..."
char letter_in(const std::string& stat) {
  const auto name_end = stat.rfind(')');
  return name_end + 2 < stat.size() ? stat[name_end + 2] : '?';
}

// "RAN WAITED TURNS", the times in nanoseconds
void read_times(const std::string& schedstat, ThreadState& state) {
  unsigned long long ran = 0, waited = 0, turns = 0;
  if (std::sscanf(schedstat.c_str(), "%llu %llu %llu", &ran, &waited, &turns) != 3) return;
  state.ran = std::chrono::nanoseconds(ran);
  state.waited = std::chrono::nanoseconds(waited);
  state.turns = turns;
}

void add_thread(const std::string& id, ThreadStates& states) {
  pid_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc() || number == ::gettid()) return;
  const std::string task = std::string(kTasks) + '/' + id;
  const auto stat = read_file(task + "/stat", kMaxText);
  if (!stat) return;  // it has ended
  ThreadState state;
  state.state = letter_in(*stat);
  if (const auto times = read_file(task + "/schedstat", kMaxText)) read_times(*times, state);
  states.emplace(number, state);
}

}  // namespace

ThreadStates states_of_other_threads() {
  ThreadStates states;
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(::opendir(kTasks), ::closedir);
  if (!tasks) return states;
  while (const dirent* entry = ::readdir(tasks.get())) add_thread(entry->d_name, states);
  return states;
}

}  // namespace lazymirror::fanotify
