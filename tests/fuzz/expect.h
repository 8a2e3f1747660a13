// SPDX-License-Identifier: Apache-2.0
//
// A broken promise must stop the fuzzer, also in builds without assert().
#pragma once

#include <cstdio>
#include <cstdlib>

#define LM_FUZZ_EXPECT(condition)                                                  \
  do {                                                                             \
    if (!(condition)) {                                                            \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                \
    }                                                                              \
  } while (false)
