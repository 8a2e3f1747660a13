// SPDX-License-Identifier: Apache-2.0
//
// The question at start: is there a tree to show? Blocks.
#pragma once

#include "engine/directory_loader.h"
#include "engine/parts.h"

namespace lazymirror {

[[nodiscard]] Result<Engine::StartCheck> check_root(const Parts& parts, DirectoryLoader& loader,
                                                    Duration timeout);

}  // namespace lazymirror
