// SPDX-License-Identifier: Apache-2.0
#include "base/crew.h"

#include <unistd.h>

namespace lazymirror {
namespace {

thread_local Crew* crew_of_this_thread = nullptr;

}  // namespace

void Crew::join() {
  crew_of_this_thread = this;
  members_.with([](auto& members) { members.push_back(::gettid()); });
}

std::vector<pid_t> Crew::members() const {
  return members_.with([](const auto& members) { return members; });
}

void note_progress() {
  if (crew_of_this_thread != nullptr) crew_of_this_thread->step();
}

}  // namespace lazymirror
