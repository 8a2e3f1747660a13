// SPDX-License-Identifier: Apache-2.0
#include "cli/private_files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/temp_dir.h"

namespace lazymirror::testing {
namespace {

using cli::PrivateFiles;

class PrivateFilesTest : public ::testing::Test {
 protected:
  // The options as the worker gets them, when the files are gone.
  OriginOptions carried(const OriginOptions& options) {
    const auto files = PrivateFiles::read(options, work_.path()).value();
    std::filesystem::remove_all(work_.path());
    return files.show(options, shown_).value();
  }

  TempDir work_;
  OriginOptions options_{.base = Url::parse("http://h/").value()};
  std::vector<UniqueFd> shown_;
};

TEST_F(PrivateFilesTest, ContentsAreCarriedAlong) {
  options_.netrc_file = work_.write("netrc", "machine h login me password secret", 0600);
  options_.ca_file = work_.write("ca", "certificate");
  const OriginOptions shown = carried(options_);
  EXPECT_EQ(slurp(shown.netrc_file), "machine h login me password secret");
  EXPECT_EQ(slurp(shown.ca_file), "certificate");
  EXPECT_EQ(shown.proxy_ca_file, "");
}

TEST_F(PrivateFilesTest, NetrcAloneIsTheOneInTheHome) {
  work_.write(".netrc", "default login me", 0600);
  options_.netrc = true;
  EXPECT_EQ(slurp(carried(options_).netrc_file), "default login me");
}

TEST_F(PrivateFilesTest, WithoutNetrcNothingOfTheHomeIsRead) {
  work_.write(".netrc", "default login me", 0600);
  EXPECT_EQ(carried(options_).netrc_file, "");
}

TEST_F(PrivateFilesTest, AMissingNetrcIsNoMistakeUnlessItWasNamed) {
  options_.netrc = true;
  EXPECT_TRUE(PrivateFiles::read(options_, work_.path()));
  options_.netrc_file = work_ / "none";
  EXPECT_FALSE(PrivateFiles::read(options_, work_.path()));
}

}  // namespace
}  // namespace lazymirror::testing
