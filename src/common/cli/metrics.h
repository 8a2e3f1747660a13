// SPDX-License-Identifier: Apache-2.0
//
// The engine's report as metrics in the text format of Prometheus. Every series
// carries the label url. What each means stands in docs/metrics.md.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/report.h"

namespace lazymirror::cli {

struct MetricSpec {
  std::string_view name;   // "lazymirror_fetched_bytes_total"
  std::string_view label;  // beside the url, as `kind="listing"`; or empty
  bool counts;             // only ever grows; else a gauge
  std::string_view help;   // of the first of a name
  double (*value)(const EngineReport& report);
};

// Those of one name follow each other.
[[nodiscard]] std::span<const MetricSpec> metric_table();

[[nodiscard]] std::string metrics_text(const EngineReport& report, std::string_view url);

}  // namespace lazymirror::cli
