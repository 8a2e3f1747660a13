// SPDX-License-Identifier: Apache-2.0
//
// ChunkMap against a set of chunk numbers.
#include <gtest/gtest.h>

#include <set>

#include "cache/chunk_map.h"
#include "model/random_steps.h"

namespace lazymirror {
namespace {

class Reference {
 public:
  Reference(std::uint64_t size, std::uint32_t chunk) : size_(size), chunk_(chunk) {}
  [[nodiscard]] bool has_byte(std::uint64_t offset) const {
    return present.contains(offset / chunk_);
  }
  [[nodiscard]] std::optional<ByteRange> first_missing(ByteRange range) const {
    range = range.intersect({0, size_});
    if (range.empty()) return std::nullopt;
    const std::uint64_t last = (range.end - 1) / chunk_;
    for (std::uint64_t c = range.begin / chunk_; c <= last; ++c) {
      if (present.contains(c)) continue;
      std::uint64_t end = c;
      while (end <= last && !present.contains(end)) ++end;
      return ByteRange{c * chunk_, std::min(size_, end * chunk_)};
    }
    return std::nullopt;
  }
  [[nodiscard]] std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto c : present) sum += std::min<std::uint64_t>(chunk_, size_ - c * chunk_);
    return sum;
  }
  std::set<std::uint64_t> present;

 private:
  std::uint64_t size_;
  std::uint32_t chunk_;
};

TEST(ChunkMapModelTest, AgreesWithASetOfNumbers) {
  test::RandomSteps random;
  SCOPED_TRACE(random.seed_text());
  for (int run = 0; run < 60; ++run) {
    const std::uint32_t chunk = 1u << random.below(8);
    const std::uint64_t size = random.below(300 * chunk);
    ChunkMap map(size, chunk);
    Reference reference(size, chunk);
    for (int step = 0; step < 300 && map.chunk_count() > 0; ++step) {
      const auto c = static_cast<std::uint32_t>(random.below(map.chunk_count()));
      if (random.one_in(3)) {
        map.clear(c);
        reference.present.erase(c);
      } else {
        map.set(c);
        reference.present.insert(c);
      }
      if (random.one_in(50)) map = *ChunkMap::parse(size, chunk, map.serialise());
      const std::uint64_t begin = random.below(size + chunk);
      const ByteRange range{begin, begin + random.below(40 * chunk)};
      ASSERT_EQ(map.first_missing(range), reference.first_missing(range));
      ASSERT_EQ(map.is_present(range), !reference.first_missing(range));
      ASSERT_EQ(map.has(c), reference.has_byte(std::uint64_t{c} * chunk));
      ASSERT_EQ(map.present_bytes(), reference.bytes());
      ASSERT_EQ(map.present_count(), reference.present.size());
    }
  }
}

}  // namespace
}  // namespace lazymirror
