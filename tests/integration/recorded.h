// SPDX-License-Identifier: Apache-2.0
//
// What a cache keeps whatever happens to the program: its bits become durable
// by themselves after a moment (docs/semantics.md), and nothing announces it.
#pragma once

#include <cstdint>
#include <string>

namespace lazymirror::testing {

// Whether its catalog says that so many bytes are there, within the time that a
// busy disk may need.
[[nodiscard]] bool wait_until_recorded(const std::string& cache, std::uint64_t bytes);

}  // namespace lazymirror::testing
