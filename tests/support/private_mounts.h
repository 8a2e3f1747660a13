// SPDX-License-Identifier: Apache-2.0
//
// For a test program that mounts: before its first test it moves into a mount
// namespace of its own, so that no mount outlives it.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace lazymirror::testing {

class PrivateMounts : public ::testing::Environment {
 public:
  // What else the program cannot do without; an empty reason: it is there.
  using Need = std::string (*)();
  explicit PrivateMounts(Need need = nullptr) : need_(need) {}
  void SetUp() override;

 private:
  const Need need_;
};

// Needs of several programs, as reasons.
[[nodiscard]] std::string needs_fuse();
[[nodiscard]] std::string needs_the_program();  // the lazymirror binary
[[nodiscard]] std::string needs_the_program_and_fuse();
[[nodiscard]] std::string needs_the_program_and_root();  // for loop mounts

}  // namespace lazymirror::testing
