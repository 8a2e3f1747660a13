// SPDX-License-Identifier: Apache-2.0
#include "support/temp_dir.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "support/mounts.h"

namespace lazymirror::testing {
namespace {

int remove_one(const char* path, const struct stat*, int, FTW*) {
  (void)::remove(path);
  return 0;
}

}  // namespace

TempDir::TempDir() {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base != nullptr ? base : "/tmp") + "/lazymirror-test.XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "mkdtemp " + path_);
  }
}

TempDir::~TempDir() {
  unmount_below(path_);
  ::nftw(path_.c_str(), remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

std::string TempDir::make_dir(const std::string& name) const {
  const std::string path = path_ + '/' + name;
  std::filesystem::create_directories(path);
  return path;
}

std::string TempDir::write(const std::string& name, const std::string& contents,
                           unsigned mode) const {
  const std::string path = path_ + '/' + name;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << contents;
  if (::chmod(path.c_str(), mode) != 0) {
    throw std::system_error(errno, std::generic_category(), "chmod " + path);
  }
  return path;
}

std::string slurp(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace lazymirror::testing
