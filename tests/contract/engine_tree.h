// SPDX-License-Identifier: Apache-2.0
//
// The engine as a tree, in this process and without any kernel interface: what
// fails here is no front end's fault.
#pragma once

#include "contract/tree.h"

namespace lazymirror::testing {

[[nodiscard]] std::unique_ptr<Tree> start_engine_tree(const TreeSettings& settings);

}  // namespace lazymirror::testing
