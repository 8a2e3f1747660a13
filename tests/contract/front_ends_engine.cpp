// SPDX-License-Identifier: Apache-2.0
#include "contract/engine_tree.h"

namespace lazymirror::testing {

std::vector<FrontEnd> front_ends() { return {{"Engine", start_engine_tree}}; }

}  // namespace lazymirror::testing
