// SPDX-License-Identifier: Apache-2.0
//
// The engine's reports as messages of the control socket, which `--json` prints
// as they are. Times are seconds since 1970, sizes bytes, paths percent-encoded.
#pragma once

#include "control/message.h"
#include "engine/report.h"

namespace lazymirror::cli {

[[nodiscard]] control::Message report_message(const EngineReport& report);
[[nodiscard]] control::Message name_message(const NameStatus& name);
[[nodiscard]] control::Message entry_message(const EntryReport& entry);

}  // namespace lazymirror::cli
