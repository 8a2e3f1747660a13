// SPDX-License-Identifier: Apache-2.0
//
// A file that changes at the origin: who has it open keeps its version or gets
// an error, who opens it later sees the new one, nobody ever sees a mix.
#include <sys/stat.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "contract/contract_test.h"

namespace lazymirror::testing {
namespace {

constexpr std::uint64_t kSize = 2'000'003;

class Versions : public ContractTest {
 protected:
  Versions() { settings().ttl = std::chrono::seconds(1); }

  // Which of the versions [1, last] the bytes are, wholly; 0 if none.
  static std::uint64_t version_of(const std::string& path, const std::string& bytes,
                                  std::uint64_t last) {
    for (std::uint64_t version = 1; version <= last; ++version) {
      if (bytes_are(path, version, 0, bytes)) return version;
    }
    return 0;
  }

  // Reads `path` again and again until it is `version`. Every read before that
  // is one older version, whole, or an allowed error.
  ::testing::AssertionResult becomes(const std::string& path, std::uint64_t version,
                                     std::uint64_t size) {
    std::string last = "never read";
    const bool done = eventually([&] {
      look_for_changes("/");
      const auto bytes = read(path);
      if (!bytes) {
        last = std::strerror(bytes.error());
        EXPECT_TRUE(is_change_error(bytes.error())) << last;
        return false;
      }
      const std::uint64_t seen = version_of(path, *bytes, version);
      EXPECT_NE(seen, 0u) << path << " is of no version or a mix of several";
      last = "version " + std::to_string(seen) + ", " + std::to_string(bytes->size()) + " bytes";
      return seen == version && bytes->size() == size;
    });
    if (done) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure()
           << path << " does not become version " << version << ": " << last;
  }

  static bool is_change_error(int error) {
    return error == ESTALE || error == EIO || error == ENOENT;
  }
};
INSTANTIATE_TEST_SUITE_P(All, Versions, ::testing::ValuesIn(over_all_servers()), param_name);

// What nginx cannot be made to send.
class VersionsWithoutAValidator : public Versions {
 protected:
  VersionsWithoutAValidator() { settings().ttl = std::chrono::hours(1); }

  // Nothing of `path` can be had behind the first MiB.
  void break_off(const std::string& path) {
    oracle().inject(path, {.fault = Fault::short_body, .value = 1u << 20, .times = 0});
  }
  // The first version of "/f", without validators; its beginning was read.
  auto begun_and_broken_off() {
    origin().put("/f", {.size = kLarge, .etag = false, .last_modified = false});
    break_off("/f");
    auto old = tree().open("/f");
    if (old) {
      EXPECT_TRUE(bytes_are("/f", 1, 0, *read(**old, 0, 10'000)));
    }
    return old;
  }

  static constexpr std::uint64_t kLarge = 4u << 20;
};
INSTANTIATE_TEST_SUITE_P(All, VersionsWithoutAValidator, ::testing::ValuesIn(over_oracle()),
                         param_name);

TEST_P(Versions, ANewOneIsSeenAfterTheTtl) {
  origin().put("/f", {.size = kSize});
  ASSERT_TRUE(reads_as("/f", 1, kSize));
  origin().touch_version("/f");
  EXPECT_TRUE(becomes("/f", 2, kSize));
  origin().touch_version("/f");
  EXPECT_TRUE(becomes("/f", 3, kSize));
}

TEST_P(Versions, ANewSizeIsSeenAfterTheTtl) {
  origin().put("/f", {.size = kSize});
  ASSERT_TRUE(reads_as("/f", 1, kSize));
  origin().put("/f", {.size = 3 * kSize, .version = 2, .mtime = 1'700'009'000});
  EXPECT_TRUE(becomes("/f", 2, 3 * kSize));
  EXPECT_EQ(tree().stat("/f")->size, 3 * kSize);
  origin().put("/f", {.size = 10, .version = 3, .mtime = 1'700'019'000});
  EXPECT_TRUE(becomes("/f", 3, 10));
  EXPECT_EQ(tree().stat("/f")->size, 10u);
}

TEST_P(Versions, AnOldHandleKeepsItsOwnOrFails) {
  origin().put("/f", {.size = kSize});
  const auto old = tree().open("/f");
  ASSERT_TRUE(old);
  ASSERT_TRUE(bytes_are("/f", 1, 0, *read(**old, 0, 1000)));
  origin().touch_version("/f");
  ASSERT_TRUE(becomes("/f", 2, kSize));
  for (std::uint64_t offset = 0; offset < kSize; offset += 100'000) {
    const auto bytes = read(**old, offset, 50'000);
    if (bytes) {
      EXPECT_TRUE(bytes_are("/f", 1, offset, *bytes));
    } else {
      EXPECT_TRUE(is_change_error(bytes.error())) << std::strerror(bytes.error());
    }
  }
}

TEST_P(Versions, AnOldHandleOfACompleteFileKeepsAllItsBytes) {
  origin().put("/f", {.size = kSize});
  ASSERT_TRUE(reads_as("/f", 1, kSize));
  const auto old = tree().open("/f");
  ASSERT_TRUE(old);
  ASSERT_TRUE(bytes_are("/f", 1, 0, *read(**old, 0, 1000)));
  origin().touch_version("/f");
  ASSERT_TRUE(becomes("/f", 2, kSize));
  (*old)->drop_pages();
  const auto bytes = read(**old, 0, kSize);
  ASSERT_TRUE(bytes) << std::strerror(bytes.error());
  EXPECT_EQ(bytes->size(), kSize);
  EXPECT_TRUE(bytes_are("/f", 1, 0, *bytes));
}

TEST_P(Versions, AChangeInTheMiddleOfReadingNeverMixes) {
  settings().ttl = std::chrono::hours(1);  // only the transfers can notice it
  constexpr std::uint64_t kLarge = 64u << 20;
  origin().put("/f", {.size = kLarge});
  const auto file = tree().open("/f");
  ASSERT_TRUE(file);
  ASSERT_TRUE(bytes_are("/f", 1, 0, *read(**file, 0, 1000)));
  origin().touch_version("/f");
  bool failed = false;
  for (std::uint64_t offset = 0; offset < kLarge; offset += 1u << 20) {
    const auto bytes = read(**file, offset, 10'000);
    if (bytes) {
      ASSERT_TRUE(bytes_are("/f", 1, offset, *bytes)) << "a mix of versions";
    } else {
      failed = true;
      ASSERT_TRUE(is_change_error(bytes.error())) << std::strerror(bytes.error());
    }
  }
  EXPECT_TRUE(failed) << "the new version's bytes cannot have been shown as the old one's";
  EXPECT_TRUE(becomes("/f", 2, kLarge));
}

TEST_P(Versions, RemovedFilesGoAndNewOnesCome) {
  origin().put("/d/old", {.size = 10});
  origin().put("/d/stays", {.size = 10});
  ASSERT_TRUE(reads_as("/d/old", 1, 10));
  ASSERT_FALSE(tree().stat("/d/new"));
  const auto stays = tree().stat("/d/stays")->ino;
  origin().remove("/d/old");
  origin().put("/d/new", {.size = 20});
  EXPECT_TRUE(eventually([&] {
    look_for_changes("/d");
    return !tree().stat("/d/old") && tree().stat("/d/new");
  }));
  EXPECT_TRUE(reads_as("/d/new", 1, 20));
  EXPECT_EQ(tree().list("/d")->size(), 4u);
  EXPECT_EQ(tree().stat("/d/stays")->ino, stays);
}

TEST_P(Versions, AListingThatIsReadAgainShowsTheChange) {
  origin().put("/d/a", {.size = 10});
  ASSERT_EQ(tree().list("/d")->size(), 3u);
  origin().put("/d/b", {.size = 10});
  EXPECT_TRUE(eventually([&] { return tree().list("/d")->size() == 4; }));
}

TEST_P(Versions, AFileMayBecomeADirectoryAndBack) {
  origin().put("/x", {.size = 100});
  ASSERT_TRUE(reads_as("/x", 1, 100));
  origin().remove("/x");
  origin().put("/x/y", {.size = 50});
  EXPECT_TRUE(eventually([&] {
    look_for_changes("/");
    return static_cast<bool>(tree().stat("/x/y"));
  }));
  EXPECT_TRUE(reads_as("/x/y", 1, 50));
  origin().remove("/x");
  origin().put("/x", {.size = 70, .version = 3, .mtime = 1'700'009'000});
  EXPECT_TRUE(eventually([&] {
    look_for_changes("/");
    const auto attr = tree().stat("/x");
    return attr && attr->type == mode_t{S_IFREG};
  }));
  EXPECT_TRUE(becomes("/x", 3, 70));
}

TEST_P(Versions, ManyReadersSeeWholeVersionsWhileTheyChange) {
  constexpr std::uint64_t kSmall = 150'000;
  origin().put("/f", {.size = kSmall});
  (void)tree();
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const auto bytes = read("/f");
        if (bytes) {
          EXPECT_EQ(bytes->size(), kSmall);
          EXPECT_NE(version_of("/f", *bytes, 4), 0u) << "a mix of versions";
        } else {
          EXPECT_TRUE(is_change_error(bytes.error())) << std::strerror(bytes.error());
        }
      }
    });
  }
  for (std::uint64_t version = 2; version <= 3; ++version) {
    origin().touch_version("/f");
    EXPECT_TRUE(becomes("/f", version, kSmall));
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

// Only a transfer can notice it, and the kernel has pages of the first one.
TEST_P(VersionsWithoutAValidator, AreNotMixedWhenAStreamBreaksOff) {
  const auto old = begun_and_broken_off();
  ASSERT_TRUE(old);
  origin().touch_version("/f");
  oracle().clear_faults();
  EXPECT_TRUE(becomes("/f", 2, kLarge));
}

TEST_P(VersionsWithoutAValidator, AreNotMixedWithOneThatHasOne) {
  const auto old = begun_and_broken_off();
  ASSERT_TRUE(old);
  origin().put("/f", {.size = kLarge, .version = 2});
  oracle().clear_faults();
  EXPECT_TRUE(becomes("/f", 2, kLarge));
}

TEST_P(VersionsWithoutAValidator, AreReadWhenThereWasOneBefore) {
  origin().put("/f", {.size = kLarge});
  const auto old = tree().open("/f");
  ASSERT_TRUE(old);
  ASSERT_TRUE(bytes_are("/f", 1, 0, *read(**old, 0, 10'000)));
  origin().put("/f", {.size = kLarge, .version = 2, .etag = false, .last_modified = false});
  EXPECT_TRUE(becomes("/f", 2, kLarge));
}

}  // namespace
}  // namespace lazymirror::testing
