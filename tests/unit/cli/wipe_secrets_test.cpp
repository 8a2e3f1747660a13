// SPDX-License-Identifier: Apache-2.0
#include "cli/wipe_secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lazymirror::cli {
namespace {

using testing::ElementsAreArray;

std::vector<std::string> wiped(std::vector<std::string> words) {
  words.insert(words.begin(), "lazymirror");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  wipe_secrets(static_cast<int>(words.size()), argv.data());
  words.erase(words.begin());
  return words;
}

void expect(std::vector<std::string> given, std::vector<std::string> left) {
  EXPECT_THAT(wiped(std::move(given)), ElementsAreArray(left));
}

TEST(WipeSecretsTest, LongForms) {
  expect({"--password", "abc", "x"}, {"--password", "***", "x"});
  expect({"--password=abc"}, {"--password=***"});
  expect({"--proxy_password=abc"}, {"--proxy_password=***"});
  expect({"--header", "A: b"}, {"--header", "****"});
}

TEST(WipeSecretsTest, ShortForms) {
  expect({"-p", "abc", "x"}, {"-p", "***", "x"});
  expect({"-pabc"}, {"-p***"});
  expect({"-fp", "abc"}, {"-fp", "***"});
  expect({"-fpabc"}, {"-fp***"});
}

TEST(WipeSecretsTest, WithinMountOptions) {
  expect({"-o", "ro,password=abc,uid=1"}, {"-o", "ro,password=***,uid=1"});
  expect({"-oproxy_password=a\\,c"}, {"-oproxy_password=****"});
  expect({"-o", "password=abc"}, {"-o", "password=***"});
}

TEST(WipeSecretsTest, PasswordsInUrls) {
  expect({"http://user:abc@h/x"}, {"http://user:***@h/x"});
  expect({"http://user:a@c@h/x"}, {"http://user:***@h/x"});
  expect({"--proxy=http://u:abc@h:1"}, {"--proxy=http://u:***@h:1"});
}

TEST(WipeSecretsTest, TheRestStays) {
  const std::vector<std::string> words = {
      "mount",      "-f", "--username", "me",    "-u", "you", "-o", "ro,ttl=5",
      "http://h/@", "/m", "http://u@h", "--ttl", "5",  "-",   "--", "--password"};
  expect(words, words);
}

TEST(WipeSecretsTest, MissingValuesDoNoHarm) {
  expect({"--password"}, {"--password"});
  expect({"-p"}, {"-p"});
  expect({"-o"}, {"-o"});
  expect({"http://:@"}, {"http://:@"});
  expect({"://"}, {"://"});
}

}  // namespace
}  // namespace lazymirror::cli
