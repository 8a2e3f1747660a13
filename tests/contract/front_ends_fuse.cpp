// SPDX-License-Identifier: Apache-2.0
//
// Mounts of root, in a mount namespace of this program's own.
#include <gtest/gtest.h>

#include "contract/mounted_tree.h"
#include "support/private_mounts.h"

namespace lazymirror::testing {
namespace {

const auto* const environment =
    ::testing::AddGlobalTestEnvironment(new PrivateMounts(needs_the_program));

}  // namespace

std::vector<FrontEnd> front_ends() {
  return {{.name = "Passthrough",
           .start = [](const TreeSettings& s) { return start_mounted_tree(s, "passthrough"); }},
          {.name = "Cached",
           .start = [](const TreeSettings& s) { return start_mounted_tree(s, "cached"); },
           .tells_opens = false}};
}

}  // namespace lazymirror::testing
