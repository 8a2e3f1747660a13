// SPDX-License-Identifier: Apache-2.0
//
// Randomness that can be had again: the seed is part of every failure message.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace lazymirror::test {

class RandomSteps {
 public:
  RandomSteps() : seed_(choose()), engine_(seed_) {
    ::testing::Test::RecordProperty("seed", std::to_string(seed_));
  }
  [[nodiscard]] std::string seed_text() const {
    return "repeat with LAZYMIRROR_SEED=" + std::to_string(seed_);
  }
  // In [0, limit).
  std::uint64_t below(std::uint64_t limit) {
    return std::uniform_int_distribution<std::uint64_t>(0, limit - 1)(engine_);
  }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

 private:
  // The same everywhere, so that a failure in CI is one here too. New ones are
  // tried with LAZYMIRROR_SEED=random.
  static constexpr std::uint32_t kSeed = 20'261'128;

  static std::uint32_t choose() {
    const char* given = std::getenv("LAZYMIRROR_SEED");
    if (given == nullptr) return kSeed;
    if (std::string(given) == "random") return std::random_device()();
    return static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10));
  }
  const std::uint32_t seed_;
  std::mt19937 engine_;
};

}  // namespace lazymirror::test
