// SPDX-License-Identifier: Apache-2.0
//
// Figures of the walk: how many requests a cold find takes, and what a known
// entry costs in memory.
#include <fstream>
#include <iostream>

#include "integration/integration.h"
#include "support/web_server.h"

namespace lazymirror::testing {
namespace {

class Scale : public Integration {};

TEST_F(Scale, AColdFindTakesOneRequestADirectory) {
  LM_REQUIRE(Nginx::available(), "nginx is not installed");
  const TempDir root;
  for (int dir = 0; dir < 200; ++dir) {
    const std::string path = root.make_dir("d" + std::to_string(dir)) + "/f";
    for (int file = 0; file < 100; ++file) std::ofstream(path + std::to_string(file)) << "contents";
  }
  const Nginx server(root.path());
  auto daemon = mounted({}, server.url());
  const auto found =
      run_shell("find " + mnt + " -type f -size 8c | wc -l", std::chrono::seconds(60));
  EXPECT_EQ(found.output, "20000\n");
  EXPECT_LE(server.requests().size(), 205u);
  const auto again =
      run_shell("find " + mnt + " -printf '%s %t %i\\n' | wc -l", std::chrono::seconds(60));
  EXPECT_EQ(again.output, "20201\n");
  EXPECT_LE(server.requests().size(), 205u) << "and none the second time";
}

TEST_F(Scale, AHundredThousandKnownEntriesFitInSixtyMegabytes) {
  for (int i = 0; i < 100'000; ++i) {
    origin.put("/directory-" + std::to_string(i / 250) + "/some-file-of-usual-length-" +
                   std::to_string(i % 250) + ".tar.gz",
               {.size = 1000});
  }
  auto daemon = mounted();
  const auto found =
      run_shell("find " + mnt + " -type f -size 1000c | wc -l", std::chrono::seconds(90));
  EXPECT_EQ(found.output, "100000\n");
  const std::uint64_t resident = daemon->resident_bytes();
  EXPECT_GT(resident, 1u << 20);
  EXPECT_LT(resident, 60u * 1000 * 1000);
  RecordProperty("resident_bytes", std::to_string(resident));
  std::cout << "resident: " << resident / 1000 << " kB\n";
}

}  // namespace
}  // namespace lazymirror::testing
