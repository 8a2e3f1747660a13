// SPDX-License-Identifier: Apache-2.0
//
// A test that cannot run here says why and is skipped; in CI
// (LAZYMIRROR_CI=1), where everything it needs has been installed, it fails
// instead, so that nothing is green without having run.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

namespace lazymirror::testing {

inline bool skipping_is_failing() {
  const char* value = std::getenv("LAZYMIRROR_CI");
  return value != nullptr && std::string_view(value) == "1";
}

// Before the first test, in an Environment, a failure makes GoogleTest skip all
// of them, which ctest takes for no failure: there the program ends at once.
inline void end_before_the_tests(std::string_view reason) {
  if (::testing::UnitTest::GetInstance()->current_test_info() != nullptr) return;
  std::cerr << "cannot run, and CI must run all: " << reason << std::endl;
  std::abort();
}

}  // namespace lazymirror::testing

// In the body of a test or in SetUp(): goes on only if `condition` holds.
#define LM_REQUIRE(condition, reason)                            \
  do {                                                           \
    if (!(condition)) {                                          \
      if (::lazymirror::testing::skipping_is_failing()) {        \
        ::lazymirror::testing::end_before_the_tests(reason);     \
        FAIL() << "cannot run, and CI must run all: " << reason; \
      }                                                          \
      GTEST_SKIP() << reason;                                    \
    }                                                            \
  } while (false)
