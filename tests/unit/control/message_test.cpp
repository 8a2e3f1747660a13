// SPDX-License-Identifier: Apache-2.0
#include "control/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lazymirror::control {
namespace {

TEST(MessageTest, PlainValuesAreReadBackAsTheyWereWritten) {
  const Message message = {{"command", std::string("a \"b\"\n")},
                           {"number", std::int64_t{-5}},
                           {"most", std::int64_t{INT64_MAX}},
                           {"yes", true}};
  const std::string line = write_message(message);
  EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line";
  const auto read = parse_message(std::string_view(line).substr(0, line.size() - 1));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, message);
}

TEST(MessageTest, WhatIsNoFlatObjectIsRefused) {
  for (const char* line :
       {"", " ", "nonsense", "5", "\"text\"", "[]", "null", "{", "{} {}", "{\"a\":null}",
        "{\"a\":1.5}", "{\"a\":[1]}", "{\"a\":{}}", "{\"a\":1,\"a\":2}",
        "{\"a\":9223372036854775808}", "{\"a\":\"\xff\"}"}) {
    const auto read = parse_message(line);
    ASSERT_FALSE(read) << line;
    EXPECT_EQ(read.error().code, Errc::invalid) << line;
  }
  EXPECT_TRUE(parse_message("{}"));
}

TEST(MessageTest, DeepNestingIsRefusedWhereItBegins) {
  EXPECT_FALSE(parse_message(std::string(kMaxMessage, '[')));
}

TEST(MessageTest, LongMessagesAreRefused) {
  const auto of_size = [](std::size_t size) {
    return "{\"a\":\"" + std::string(size - 8, 'x') + "\"}";
  };
  EXPECT_TRUE(parse_message(of_size(kMaxMessage)));
  EXPECT_FALSE(parse_message(of_size(kMaxMessage + 1)));
}

TEST(MessageTest, TextsThatAreNotUtf8DoNotStopAnAnswer) {
  EXPECT_TRUE(
      parse_message(write_message({{"error", std::string("\xff is in use")}}).substr(0, 40)));
}

TEST(MessageTest, PathsKeepEveryByte) {
  const std::string path = "a b/\xff\xc3\xa4/100%/\n/x.tar.gz";
  const std::string encoded = encode_path(path);
  EXPECT_EQ(encoded, "a%20b/%FF%C3%A4/100%25/%0A/x.tar.gz");
  EXPECT_EQ(decode_path(encoded).value(), path);
  EXPECT_EQ(decode_path("a b/c").value(), "a b/c") << "as a person types it";
  EXPECT_EQ(encode_path(""), "");
  EXPECT_FALSE(decode_path("50%"));
}

TEST(MessageTest, AMissingTextIsNamed) {
  EXPECT_EQ(text_of({{"path", std::string("a")}}, "path").value(), "a");
  for (const Message& message : {Message{}, Message{{"path", true}}}) {
    const auto text = text_of(message, "path");
    ASSERT_FALSE(text);
    EXPECT_THAT(text.error().message, testing::HasSubstr("\"path\""));
  }
}

}  // namespace
}  // namespace lazymirror::control
