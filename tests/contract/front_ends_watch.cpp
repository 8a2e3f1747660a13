// SPDX-License-Identifier: Apache-2.0
//
// Trees watched in place, in a mount namespace of this program's own, each on
// a file system of its own: marks are never set on anything else.
#include <gtest/gtest.h>

#include "contract/mounted_tree.h"
#include "support/private_mounts.h"

namespace lazymirror::testing {
namespace {

const auto* const environment =
    ::testing::AddGlobalTestEnvironment(new PrivateMounts(needs_the_program_and_root));

template <SmallFs::Kind kind>
std::unique_ptr<Tree> start_on(const TreeSettings& settings) {
  return start_watched_tree(settings, kind);
}

}  // namespace

std::vector<FrontEnd> front_ends() {
  constexpr bool kInPlace = true, kHasHoles = true, kMovesCtime = true;
  return {{"InPlaceOnExt4", start_on<SmallFs::Kind::ext4>, kInPlace, kHasHoles, kMovesCtime},
          {"InPlaceOnXfs", start_on<SmallFs::Kind::xfs>, kInPlace},
          {"InPlaceOnBtrfs", start_on<SmallFs::Kind::btrfs>, kInPlace, false, kMovesCtime}};
}

}  // namespace lazymirror::testing
