// SPDX-License-Identifier: Apache-2.0
//
// Large trees: how many requests a walk takes, what a known entry costs in
// memory, and that nothing is lost among very many.
#include <sys/stat.h>

#include <fstream>
#include <iostream>
#include <set>

#include "integration/integration.h"
#include "support/generated_origin.h"
#include "support/loop_fs.h"
#include "support/web_server.h"

namespace lazymirror::testing {
namespace {

using std::chrono::minutes;

class Scale : public Integration {};

// "path size" a line, sorted.
std::string all_files_of(const GeneratedShape& shape) {
  std::set<std::string> lines;
  for (unsigned outer = 0; outer < shape.outer; ++outer) {
    for (unsigned inner = 0; inner < shape.inner; ++inner) {
      for (unsigned file = 0; file < shape.files; ++file) {
        lines.insert(GeneratedShape::path(outer, inner, file) + ' ' +
                     std::to_string(GeneratedShape::size(outer, inner, file)) + '\n');
      }
    }
  }
  std::string all;
  for (const std::string& line : lines) all += line;
  return all;
}

std::string all_files_in(const std::string& directory) {
  const auto found = run_shell(
      "cd '" + directory + "' && find . -type f -printf '%P %s\\n' | LC_ALL=C sort", minutes(2));
  EXPECT_EQ(found.status, 0);
  return found.output;
}

// A whole tree by `fetch --metadata -r`; then nobody is asked any more, nor after
// another start.
class Crawl : public Scale {
 protected:
  explicit Crawl(GeneratedShape s) : shape(s) {}

  std::unique_ptr<Daemon> serve(const std::string& place, bool in_place) {
    auto daemon = std::make_unique<Daemon>(DaemonOptions{.url = generated.url(),
                                                         .mountpoint = in_place ? "" : mnt,
                                                         .cache = place,
                                                         .in_place = in_place},
                                           work);
    EXPECT_TRUE(daemon->ready());
    return daemon;
  }

  void crawls_all(const std::string& tree) {
    const auto fetched = run({"fetch", "--metadata", "-r", tree}, minutes(3));
    ASSERT_EQ(fetched.status, 0) << fetched.output;
    const std::size_t asked = generated.requests();
    EXPECT_LE(asked, shape.directories() + 1) << "once each; the start asks for the root";
    EXPECT_TRUE(all_files_in(tree) == all_files_of(shape)) << "names and sizes of the origin";
    EXPECT_EQ(generated.requests(), asked) << "all of it is in the catalog";
  }

  void knows_the_last_file(const std::string& tree) {
    const std::size_t asked = generated.requests();
    const unsigned outer = shape.outer - 1;
    const unsigned inner = shape.inner - 1;
    const std::string path = tree + "/" + GeneratedShape::path(outer, inner, 0);
    struct stat st {};
    ASSERT_EQ(::stat(path.c_str(), &st), 0);
    EXPECT_EQ(static_cast<std::uint64_t>(st.st_size), GeneratedShape::size(outer, inner, 0));
    EXPECT_LE(generated.requests(), asked + 1) << "only the root may be asked for, at the start";
  }

  const GeneratedShape shape;
  const GeneratedOrigin generated{shape};
};

class CrawlOfAMount : public Crawl {
 protected:
  CrawlOfAMount() : Crawl({20, 25, 100}) {}
};

TEST_F(CrawlOfAMount, FindsAllAndKnowsItAfterAnotherStart) {
  auto daemon = serve(cache, false);
  ASSERT_NO_FATAL_FAILURE(crawls_all(mnt));
  daemon->terminate();
  daemon = serve(cache, false);
  knows_the_last_file(mnt);
}

class CrawlInPlace : public Crawl {
 protected:
  CrawlInPlace() : Crawl({4, 25, 100}) {}
};

TEST_F(CrawlInPlace, FindsAllAndKnowsItAfterAnotherStart) {
  LM_REQUIRE(SmallFs::available(), "needs root for mounting");
  const SmallFs fs(SmallFs::Kind::xfs, 1u << 30);
  const std::string place = fs.path() + "/cache";
  auto daemon = serve(place, true);
  ASSERT_NO_FATAL_FAILURE(crawls_all(place + "/data"));
  daemon->terminate();
  daemon = serve(place, true);
  knows_the_last_file(place + "/data");
  daemon->terminate();
}

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
