// SPDX-License-Identifier: Apache-2.0
//
// Any name a Linux file system can have is the same on both sides.
#include "contract/contract_test.h"

namespace lazymirror::testing {
namespace {

using ::testing::Contains;
using ::testing::Field;

const std::vector<std::string>& odd_names() {
  static const std::vector<std::string> names{"plain.txt",
                                              "a b",
                                              " leading",
                                              "trailing ",
                                              "100%",
                                              "%41",
                                              "%2e%2e",
                                              "a#b",
                                              "q?x=1&y=2",
                                              "a&b",
                                              "a&amp;b",
                                              "<b>",
                                              "quote\"s",
                                              "apo'strophe",
                                              "semi;colon",
                                              "plus+plus",
                                              "a:b",
                                              "http:",
                                              "back\\slash",
                                              "~tilde",
                                              "tab\tname",
                                              "ÜberStraße",
                                              "日本語",
                                              "\xff\xfe raw",
                                              "a=b,c@d!$",
                                              "[x]{y}|z^`",
                                              "*glob?",
                                              "-dash",
                                              "..dots..",
                                              "C=N;O=D",
                                              std::string(255, 'x'),
                                              std::string(85, '\xe2') + "short"};
  return names;
}

class Names : public ContractTest {};
INSTANTIATE_TEST_SUITE_P(All, Names, ::testing::ValuesIn(over_all_servers()), param_name);

// nginx does not list names that begin with a dot.
bool is_listed(const std::string& name, const ContractParam& param) {
  return param.server != ServerKind::nginx || name[0] != '.';
}

TEST_P(Names, OfFilesAreKeptByteForByte) {
  for (const std::string& name : odd_names()) origin().put("/d/" + name, {.size = 1000});
  const auto listed = tree().list("/d");
  ASSERT_TRUE(listed);
  for (const std::string& name : odd_names()) {
    if (!is_listed(name, GetParam())) continue;
    EXPECT_THAT(*listed, Contains(Field(&Name::name, name)));
    EXPECT_TRUE(reads_as("/d/" + name, 1, 1000));
    const auto attr = tree().stat("/d/" + name);
    ASSERT_TRUE(attr) << name;
    EXPECT_EQ(attr->size, 1000u) << name;
  }
}

TEST_P(Names, OfDirectoriesAreKeptByteForByte) {
  for (const std::string& name : odd_names()) origin().put('/' + name + "/f", {.size = 10});
  for (const std::string& name : odd_names()) {
    if (!is_listed(name, GetParam())) continue;
    const auto attr = tree().stat('/' + name);
    ASSERT_TRUE(attr) << name;
    EXPECT_EQ(attr->type, mode_t{S_IFDIR}) << name;
    EXPECT_TRUE(reads_as('/' + name + "/f", 1, 10));
  }
}

TEST_P(Names, ThatLookAlikeAreNotTheSame) {
  origin().put("/d/A", {.size = 10});
  origin().put("/d/a", {.size = 20});
  origin().put("/d/%41", {.size = 30});
  EXPECT_TRUE(reads_as("/d/A", 1, 10));
  EXPECT_TRUE(reads_as("/d/a", 1, 20));
  EXPECT_TRUE(reads_as("/d/%41", 1, 30));
  const auto absent = tree().stat("/d/%61");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error(), ENOENT);
}

TEST_P(Names, TooLongForAnyFileSystemAreRefused) {
  origin().put("/f", {.size = 1});
  const auto attr = tree().stat('/' + std::string(256, 'n'));
  ASSERT_FALSE(attr);
  EXPECT_EQ(attr.error(), ENAMETOOLONG);
}

}  // namespace
}  // namespace lazymirror::testing
