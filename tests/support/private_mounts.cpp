// SPDX-License-Identifier: Apache-2.0
#include "support/private_mounts.h"

#include <unistd.h>

#include "support/daemon.h"
#include "support/loop_fs.h"
#include "support/mounts.h"
#include "support/skip.h"

namespace lazymirror::testing {

void PrivateMounts::SetUp() {
  const std::string missing = need_ == nullptr ? "" : need_();
  LM_REQUIRE(missing.empty(), missing);
  LM_REQUIRE(enter_private_mounts(), "needs CAP_SYS_ADMIN");
}

std::string needs_fuse() {
  return ::access("/dev/fuse", R_OK | W_OK) == 0 ? "" : "there is no /dev/fuse to use";
}

std::string needs_the_program() {
  return lazymirror_is_built() ? "" : "there is no lazymirror binary to run";
}

std::string needs_the_program_and_fuse() {
  const std::string missing = needs_the_program();
  return missing.empty() ? needs_fuse() : missing;
}

std::string needs_the_program_and_root() {
  const std::string missing = needs_the_program();
  return missing.empty() && !SmallFs::available() ? "needs root" : missing;
}

}  // namespace lazymirror::testing
