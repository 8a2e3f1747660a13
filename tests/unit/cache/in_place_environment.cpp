// SPDX-License-Identifier: Apache-2.0
#include "support/private_mounts.h"

namespace lazymirror::testing {
namespace {

const auto* const environment = ::testing::AddGlobalTestEnvironment(new PrivateMounts());

}  // namespace
}  // namespace lazymirror::testing
