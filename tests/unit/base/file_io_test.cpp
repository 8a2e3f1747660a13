// SPDX-License-Identifier: Apache-2.0
#include "base/file_io.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <thread>

namespace lazymirror {
namespace {

class FileIoTest : public testing::Test {
 protected:
  FileIoTest() {
    std::string name = "/tmp/lm-file-io-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~FileIoTest() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) { return directory_ + "/" + name; }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(path(name), std::ios::binary) << text;
  }

  std::string directory_;
};

TEST_F(FileIoTest, WhatIsWrittenIsRead) {
  const auto fd = open_fd(AT_FDCWD, path("f"), O_RDWR | O_CREAT);
  ASSERT_TRUE(fd);
  const std::array<std::byte, 3> data = {std::byte{1}, std::byte{2}, std::byte{3}};
  ASSERT_TRUE(pwrite_full(fd->get(), data, 5));
  std::array<std::byte, 3> back{};
  EXPECT_EQ(pread_full(fd->get(), back, 5), 3u);
  EXPECT_EQ(back, data);
}

TEST_F(FileIoTest, ReadingIsShortOnlyAtTheEnd) {
  write("f", "12345");
  const auto fd = open_fd(AT_FDCWD, path("f"), O_RDONLY);
  std::array<std::byte, 10> out{};
  EXPECT_EQ(pread_full(fd->get(), out, 3), 2u);
  EXPECT_EQ(pread_full(fd->get(), out, 5), 0u);
}

TEST_F(FileIoTest, AFullDeviceIsNoSpace) {
  const auto fd = open_fd(AT_FDCWD, "/dev/full", O_WRONLY);
  ASSERT_TRUE(fd);
  const std::array<std::byte, 1> data{};
  const auto written = pwrite_full(fd->get(), data, 0);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::no_space);
}

TEST_F(FileIoTest, SmallFilesAreReadWhole) {
  const std::string text(100'000, 'x');
  write("f", text);
  EXPECT_EQ(read_file(path("f")), text);
  EXPECT_EQ(read_file(path("f"), 100'000), text);
}

TEST_F(FileIoTest, LargerThanTheLimitIsRefused) {
  write("f", "12345");
  const auto text = read_file(path("f"), 4);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Errc::bad_reply);
}

TEST_F(FileIoTest, PipesAreReadAsWell) {
  ASSERT_EQ(::mkfifo(path("p").c_str(), 0600), 0);
  std::thread writer([&] { write("p", "from a pipe"); });
  EXPECT_EQ(read_file(path("p")), "from a pipe");
  writer.join();
}

TEST_F(FileIoTest, MissingFilesAreNamed) {
  const auto text = read_file(path("none"));
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Errc::not_found);
  EXPECT_THAT(text.error().message, testing::HasSubstr(path("none")));
}

TEST_F(FileIoTest, DescriptorsAreNotInherited) {
  write("f", "");
  const auto fd = open_fd(AT_FDCWD, path("f"), O_RDONLY);
  ASSERT_TRUE(fd);
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

}  // namespace
}  // namespace lazymirror
