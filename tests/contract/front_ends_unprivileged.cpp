// SPDX-License-Identifier: Apache-2.0
//
// The mount of an ordinary user, by fusermount3. Only the user who mounted may
// look into it, so that this whole program becomes him.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "contract/mounted_tree.h"
#include "support/daemon.h"
#include "support/mounts.h"
#include "support/skip.h"
#include "support/temp_dir.h"

namespace lazymirror::testing {
namespace {

class OrdinaryUser final : public ::testing::Environment {
 public:
  void SetUp() override {
    LM_REQUIRE(lazymirror_is_built(), "there is no lazymirror binary to run");
    LM_REQUIRE(::access("/usr/bin/fusermount3", X_OK) == 0, "fusermount3 is not installed");
    if (::geteuid() != 0) return;  // an ordinary user already
    LM_REQUIRE(enter_private_mounts(), "needs CAP_SYS_ADMIN");
    // The folder of the binary may be closed to others: held open, it can still
    // be run.
    static const UniqueFd binary(::open(lazymirror_binary().c_str(), O_PATH));
    static const TempDir scratch;
    become_unprivileged(scratch.path());
    set_lazymirror_binary("/proc/self/fd/" + std::to_string(binary.get()));
  }
};

const auto* const environment = ::testing::AddGlobalTestEnvironment(new OrdinaryUser);

}  // namespace

std::vector<FrontEnd> front_ends() {
  return {{.name = "Unprivileged",
           .start = [](const TreeSettings& s) { return start_mounted_tree(s, "cached"); },
           .tells_opens = false}};
}

}  // namespace lazymirror::testing
