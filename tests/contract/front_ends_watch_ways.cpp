// SPDX-License-Identifier: Apache-2.0
//
// Trees watched in place in the other ways: as before Linux 6.14, and on a file
// system that is shared. Not all of the contract's tests (see CMakeLists.txt):
// those that lead through what differs.
#include <gtest/gtest.h>

#include "contract/mounted_tree.h"
#include "support/private_mounts.h"

namespace lazymirror::testing {
namespace {

const auto* const environment =
    ::testing::AddGlobalTestEnvironment(new PrivateMounts(needs_the_program_and_root));

std::unique_ptr<Tree> start_without_ranges(const TreeSettings& settings) {
  return start_watched_tree(settings, SmallFs::Kind::ext4, {"--events=access-perm"});
}

std::unique_ptr<Tree> start_shared(const TreeSettings& settings) {
  return start_watched_tree(settings, SmallFs::Kind::xfs, {"--shared-filesystem"});
}

}  // namespace

std::vector<FrontEnd> front_ends() {
  constexpr bool kInPlace = true;
  return {{.name = "WithoutRanges", .start = start_without_ranges, .in_place = kInPlace},
          {.name = "Shared", .start = start_shared, .in_place = kInPlace}};
}

}  // namespace lazymirror::testing
