// SPDX-License-Identifier: Apache-2.0
//
// What a user sees of a job while it goes on. Not synchronised.
#pragma once

#include <cstddef>
#include <string>

#include "control/message.h"
#include "engine/jobs.h"

namespace lazymirror::cli {

class JobDisplay {
 public:
  // `tree`: where it is shown, for the names of what fails. On a terminal a bar,
  // else, and with `json`, each message as a line.
  JobDisplay(JobKind kind, std::string tree, bool json);

  void told(const control::Message& progress);  // progress or a finding
  void ended(const control::Message& answer);
  void failed(const std::string& sentence);  // to standard error, the bar out of the way
  [[nodiscard]] bool has_failures() const { return failures_; }

 private:
  void show(const std::string& text);
  void clear_line();
  void name_finding(const control::Message& finding);

  const JobKind kind_;
  const std::string tree_;
  const bool bar_;
  bool line_ = false;  // stands on the terminal, without an end
  bool failures_ = false;
  bool output_gone_ = false;
};

}  // namespace lazymirror::cli
