// SPDX-License-Identifier: Apache-2.0
#include "unit/cli/program_tree.h"

#include <unistd.h>

#include "support/mounts.h"
#include "support/skip.h"

namespace lazymirror::testing {

void ProgramTreeTest::SetUp() {
  static const bool is_private = enter_private_mounts();
  LM_REQUIRE(is_private && SmallFs::available(), "needs CAP_SYS_ADMIN");
  LM_REQUIRE(::access("/dev/fuse", R_OK | W_OK) == 0, "/dev/fuse cannot be opened");
  disk_ = std::make_unique<SmallFs>(SmallFs::Kind::ext4, 128 << 20);
  cache_ = disk_->path() + "/cache";
  tree_ = GetParam() == Mode::watch ? cache_ + "/data" : work_.make_dir("mnt");
  origin_.put("/small", {.size = 1000});
  origin_.put("/large", {.size = kSize});
}

ProgramTreeTest::~ProgramTreeTest() {
  origin_.unstall();
  if (disk_) (void)run_program("stop " + cache_);
}

Outcome ProgramTreeTest::start(const std::string& more) {
  const std::string url = origin_.url();
  if (GetParam() == Mode::watch) return run_program("watch " + more + " " + url + " " + cache_);
  return run_program("mount " + more + " --cache-location " + cache_ + " " + url + " " + tree_);
}

}  // namespace lazymirror::testing
