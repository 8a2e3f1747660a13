// SPDX-License-Identifier: Apache-2.0
#include "control/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lazymirror::control {
namespace {

TEST(MessageTest, PlainValuesAreReadBackAsTheyWereWritten) {
  const Message message = {
      {"command", "a \"b\"\n"}, {"number", -5}, {"most", INT64_MAX}, {"half", 0.5}, {"yes", true}};
  const std::string line = write_message(message);
  EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line";
  const auto read = parse_message(std::string_view(line).substr(0, line.size() - 1));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, message);
}

TEST(MessageTest, ListsAndObjectsAreReadBackAsTheyWereWritten) {
  const Message inner = {{"name", "a"}, {"sizes", List{1, 2, List{}, Message{}}}};
  const Message message = {{"files", List{inner, inner, "x"}}, {"one", inner}};
  const auto read = parse_message(write_message(message));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, message);
  EXPECT_EQ(*object_of(*read, "one"), inner);
  EXPECT_EQ(list_of(*read, "files")->size(), 3u);
  EXPECT_EQ(object_of(*read, "files"), nullptr);
}

TEST(MessageTest, WhatIsNoObjectIsRefused) {
  for (const char* line :
       {"", " ", "nonsense", "5", "\"text\"", "[]", "null", "{", "{} {}", "{\"a\":null}",
        "{\"a\":[null]}", "{\"a\":[1}", "{\"a\":1,\"a\":2}", "{\"b\":{\"a\":1,\"a\":2}}",
        "{\"a\":9223372036854775808}", "{\"a\":\"\xff\"}"}) {
    const auto read = parse_message(line);
    ASSERT_FALSE(read) << line;
    EXPECT_EQ(read.error().code, Errc::invalid) << line;
  }
  EXPECT_TRUE(parse_message("{}"));
}

TEST(MessageTest, DeepNestingIsRefusedWhereItBegins) {
  const auto nested = [](int levels) {
    return "{\"a\":" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}";
  };
  EXPECT_TRUE(parse_message(nested(kMaxNesting)));
  EXPECT_FALSE(parse_message(nested(kMaxNesting + 1)));
  EXPECT_FALSE(parse_message(std::string(kMaxMessage, '[')));
  EXPECT_FALSE(parse_message("{\"a\":" + std::string(kMaxMessage - 10, '[')));
}

TEST(MessageTest, ErrorsCarryTheirKind) {
  const Message message = error_message({Errc::busy, "it is in use"});
  EXPECT_EQ(text_of(message, "error").value(), "it is in use");
  EXPECT_EQ(text_of(message, "code").value(), "busy");
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

TEST(MessageTest, WhatIsMissingOrOfAnotherKindIsNamed) {
  EXPECT_EQ(text_of({{"path", "a"}}, "path").value(), "a");
  EXPECT_EQ(number_of({{"path", 5}}, "path").value(), 5);
  for (const Message& message : {Message{}, Message{{"path", true}}}) {
    const auto text = text_of(message, "path");
    ASSERT_FALSE(text);
    EXPECT_THAT(text.error().message, testing::HasSubstr("\"path\""));
    EXPECT_THAT(number_of(message, "path").error().message, testing::HasSubstr("\"path\""));
  }
  EXPECT_TRUE(flag_of({}, "r", true).value());
  EXPECT_FALSE(flag_of({{"r", false}}, "r", true).value());
  EXPECT_FALSE(flag_of({{"r", 1}}, "r", true));
}

}  // namespace
}  // namespace lazymirror::control
