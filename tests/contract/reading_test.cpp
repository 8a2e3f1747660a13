// SPDX-License-Identifier: Apache-2.0
//
// Every byte that comes out is the origin's, however it is asked for.
#include <random>
#include <thread>

#include "contract/contract_test.h"

namespace lazymirror::testing {
namespace {

constexpr std::uint64_t kSize = 5'000'017;

class Reading : public ContractTest {
 protected:
  // A read of `size` bytes at `offset` of an open file gives the truth, cut at
  // the end of the file.
  ::testing::AssertionResult piece_is(OpenFile& file, const std::string& path, std::uint64_t offset,
                                      std::size_t size, std::uint64_t file_size) {
    const auto bytes = read(file, offset, size);
    if (!bytes) return ::testing::AssertionFailure() << path << ": errno " << bytes.error();
    const std::uint64_t want =
        offset >= file_size ? 0 : std::min<std::uint64_t>(size, file_size - offset);
    if (bytes->size() != want) {
      return ::testing::AssertionFailure()
             << path << " at " << offset << ": " << bytes->size() << " bytes instead of " << want;
    }
    return bytes_are(path, 1, offset, *bytes);
  }

  ::testing::AssertionResult random_reads(OpenFile& file, const std::string& path,
                                          std::uint64_t file_size, unsigned seed, int count) {
    std::mt19937_64 random(seed);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t offset = random() % file_size;
      const std::size_t size = 1 + random() % (i % 4 == 0 ? 300'000 : 5'000);
      if (auto result = piece_is(file, path, offset, size, file_size); !result) return result;
    }
    return ::testing::AssertionSuccess();
  }
};
INSTANTIATE_TEST_SUITE_P(All, Reading, ::testing::ValuesIn(over_all_servers()), param_name);

TEST_P(Reading, FromBeginToEnd) {
  origin().put("/f", {.size = kSize});
  EXPECT_TRUE(reads_as("/f", 1, kSize));
  EXPECT_TRUE(reads_as("/f", 1, kSize)) << "from the cache";
}

TEST_P(Reading, FilesOfEverySizeAroundAChunk) {
  const std::vector<std::uint64_t> sizes{0,      1,      4095,   4096,    4097,
                                         65'535, 65'536, 65'537, 131'072, 131'073};
  for (const std::uint64_t size : sizes) origin().put("/d/" + std::to_string(size), {.size = size});
  for (const std::uint64_t size : sizes) {
    EXPECT_TRUE(reads_as("/d/" + std::to_string(size), 1, size));
  }
}

TEST_P(Reading, AtRandom) {
  origin().put("/f", {.size = kSize});
  const auto file = tree().open("/f");
  ASSERT_TRUE(file);
  EXPECT_TRUE(random_reads(**file, "/f", kSize, 1, 150));
}

TEST_P(Reading, Backwards) {
  origin().put("/f", {.size = 1'000'003});
  const auto file = tree().open("/f");
  ASSERT_TRUE(file);
  for (std::uint64_t end = 1'000'003; end > 0;) {
    const std::uint64_t begin = end > 40'000 ? end - 40'000 : 0;
    ASSERT_TRUE(piece_is(**file, "/f", begin, end - begin, 1'000'003));
    end = begin;
  }
}

TEST_P(Reading, AcrossAndBehindTheEnd) {
  origin().put("/f", {.size = kSize});
  const auto file = tree().open("/f");
  ASSERT_TRUE(file);
  EXPECT_TRUE(piece_is(**file, "/f", kSize - 10, 100, kSize));
  EXPECT_TRUE(piece_is(**file, "/f", kSize - 1, 1, kSize));
  EXPECT_TRUE(piece_is(**file, "/f", kSize, 100, kSize));
  EXPECT_TRUE(piece_is(**file, "/f", kSize + 5'000'000, 100, kSize));
  EXPECT_EQ((*file)->attr()->size, kSize);
}

TEST_P(Reading, ByManyAtOnce) {
  origin().put("/f", {.size = 16u << 20});
  (void)tree();
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < 8; ++i) {
    readers.emplace_back([this, i] {
      const auto file = tree().open("/f");
      ASSERT_TRUE(file);
      EXPECT_TRUE(random_reads(**file, "/f", 16u << 20, i, 60));
    });
  }
  for (std::thread& reader : readers) reader.join();
}

TEST_P(Reading, OfManyFilesByManyAtOnce) {
  for (int i = 0; i < 200; ++i) {
    origin().put("/d/" + std::to_string(i), {.size = 1000u + 997u * static_cast<unsigned>(i)});
  }
  (void)tree();
  std::vector<std::thread> readers;
  for (int r = 0; r < 8; ++r) {
    readers.emplace_back([this, r] {
      for (int i = 0; i < 200; ++i) {
        const int n = (i * 7 + r * 25) % 200;
        EXPECT_TRUE(
            reads_as("/d/" + std::to_string(n), 1, 1000u + 997u * static_cast<unsigned>(n)));
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
}

TEST_P(Reading, GoesOnWhenTheFileBecomesComplete) {
  origin().put("/f", {.size = kSize});
  const auto early = tree().open("/f");
  ASSERT_TRUE(early);
  ASSERT_TRUE(piece_is(**early, "/f", 2'000'000, 1000, kSize));
  ASSERT_TRUE(reads_as("/f", 1, kSize));
  EXPECT_TRUE(reads_as("/f", 1, kSize)) << "opened after it was complete";
  const auto late = tree().open("/f");
  ASSERT_TRUE(late);
  EXPECT_TRUE(random_reads(**early, "/f", kSize, 1, 50));
  EXPECT_TRUE(random_reads(**late, "/f", kSize, 2, 50));
  EXPECT_EQ((*early)->attr()->ino, (*late)->attr()->ino);
}

TEST_P(Reading, OpensNeverFailWhileTheFileBecomesComplete) {
  for (int i = 0; i < 30; ++i) origin().put("/d/" + std::to_string(i), {.size = 200'000});
  (void)tree();
  std::vector<std::thread> readers;
  for (int r = 0; r < 4; ++r) {
    readers.emplace_back([this] {
      for (int i = 0; i < 30; ++i) EXPECT_TRUE(reads_as("/d/" + std::to_string(i), 1, 200'000));
    });
  }
  for (std::thread& reader : readers) reader.join();
}

TEST_P(Reading, ADirectoryIsRefused) {
  origin().put("/d/f", {.size = 1});
  const auto bytes = read("/d");
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error(), EISDIR);
}

class Fetching : public OracleContractTest {
 protected:
  // The value of user.lazymirror.NAME, or "errno N".
  std::string attribute(const std::string& path, const std::string& name) {
    const auto value = tree().xattr(path, "user.lazymirror." + name);
    return value ? *value : "errno " + std::to_string(value.error());
  }
};
INSTANTIATE_TEST_SUITE_P(All, Fetching, ::testing::ValuesIn(over_oracle()), param_name);

TEST_P(Fetching, HappensOnce) {
  origin().put("/f", {.size = 3'000'000});
  EXPECT_TRUE(reads_as("/f", 1, 3'000'000));
  const std::size_t requests = oracle().count("/f");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(reads_as("/f", 1, 3'000'000));
  EXPECT_EQ(oracle().count("/f"), requests) << "cached bytes are not asked for again";
  EXPECT_EQ(oracle().body_bytes("/f"), 3'000'000u) << "each byte once";
}

TEST_P(Fetching, OfOneFileByManyReadersBringsEachByteOnce) {
  origin().put("/f", {.size = 8u << 20});
  (void)tree();
  std::vector<std::thread> readers;
  for (int i = 0; i < 6; ++i) {
    readers.emplace_back([this] { EXPECT_TRUE(reads_as("/f", 1, 8u << 20)); });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_LE(oracle().body_bytes("/f"), (8u << 20) + (256u << 10));
}

TEST_P(Fetching, OfAFewBytesDoesNotBringTheWholeFile) {
  origin().put("/f", {.size = 256u << 20});
  const auto file = tree().open("/f");
  ASSERT_TRUE(file);
  for (const std::uint64_t offset : {200u << 20, 7u << 20, 100u << 20}) {
    const auto bytes = read(**file, offset, 100);
    ASSERT_TRUE(bytes);
    EXPECT_TRUE(bytes_are("/f", 1, offset, *bytes));
  }
  EXPECT_LT(oracle().body_bytes("/f"), 8u << 20);
}

TEST_P(Fetching, ASecondReaderIsNotHeldUpByAStalledOne) {
  settings().timeout = std::chrono::seconds(15);
  origin().put("/slow", {.size = 1'000'000});
  origin().put("/fast", {.size = 1'000'000});
  oracle().inject("/slow", {.fault = Fault::stall_before_head, .times = 0, .method = "GET"});
  (void)tree();
  std::vector<std::thread> stuck;
  for (int i = 0; i < 20; ++i) {
    stuck.emplace_back([this] { (void)read("/slow"); });
  }
  EXPECT_TRUE(oracle().wait_for_requests("/slow", 1));
  EXPECT_TRUE(reads_as("/fast", 1, 1'000'000));
  oracle().clear_faults();
  oracle().unstall();
  for (std::thread& reader : stuck) reader.join();
}

class States : public Fetching {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(States);  // where all trees are in place
INSTANTIATE_TEST_SUITE_P(All, States, ::testing::ValuesIn(not_in_place(over_oracle())), param_name);

TEST_P(States, AreShownInAttributes) {
  origin().put("/f", {.size = 3'000'000});
  EXPECT_EQ(attribute("/f", "state"), "remote");
  EXPECT_EQ(attribute("/f", "cached_bytes"), "0");
  EXPECT_EQ(attribute("/f", "url"), oracle().url("/f"));
  const auto file = tree().open("/f");
  ASSERT_TRUE(file);
  ASSERT_TRUE(read(**file, 2'000'000, 10));
  EXPECT_EQ(attribute("/f", "state"), "partial");
  ASSERT_TRUE(reads_as("/f", 1, 3'000'000));
  EXPECT_EQ(attribute("/f", "state"), "cached");
  EXPECT_EQ(attribute("/f", "cached_bytes"), "3000000");
  EXPECT_EQ(attribute("/f", "etag").front(), '"');
  EXPECT_EQ(attribute("/f", "nonsense"), "errno " + std::to_string(ENODATA));
}

}  // namespace
}  // namespace lazymirror::testing
