// SPDX-License-Identifier: Apache-2.0
#include "integration/integration.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "base/unique_fd.h"
#include "support/private_mounts.h"

namespace lazymirror::testing {
namespace {

const auto* const environment =
    ::testing::AddGlobalTestEnvironment(new PrivateMounts(needs_the_program_and_fuse));

}  // namespace

Integration::Integration() : mnt(work.make_dir("mnt")), cache(work / "cache") {}

std::unique_ptr<Daemon> Integration::start(std::vector<std::string> options, std::string url) {
  return std::make_unique<Daemon>(DaemonOptions{.url = url.empty() ? origin.url() : url,
                                                .mountpoint = mnt,
                                                .cache = cache,
                                                .options = std::move(options)},
                                  work);
}

std::unique_ptr<Daemon> Integration::mounted(std::vector<std::string> options, std::string url) {
  auto daemon = start(std::move(options), std::move(url));
  EXPECT_TRUE(daemon->ready());
  return daemon;
}

std::string Integration::attribute(const std::string& path, const std::string& name) {
  std::array<char, 1024> value;
  const ssize_t n =
      ::getxattr(path.c_str(), ("user.lazymirror." + name).c_str(), value.data(), value.size());
  return n < 0 ? "errno " + std::to_string(errno)
               : std::string(value.data(), static_cast<std::size_t>(n));
}

}  // namespace lazymirror::testing
