// SPDX-License-Identifier: Apache-2.0
#include "cli/job_display.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <utility>

#include "cli/job_message.h"
#include "cli/progress_bar.h"
#include "cli/status_text.h"
#include "cli/terminal.h"

namespace lazymirror::cli {
namespace {

constexpr std::size_t kUsualColumns = 80;

using control::Message;

std::size_t columns_of_terminal() {
  winsize size{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kUsualColumns;
}

std::string verb(JobKind kind) {
  return kind == JobKind::metadata ? "list" : std::string(job_name(kind));
}

}  // namespace

JobDisplay::JobDisplay(JobKind kind, std::string tree, bool json)
    : kind_(kind), tree_(std::move(tree)), bar_(!json && ::isatty(STDOUT_FILENO) != 0) {}

void JobDisplay::show(const std::string& text) {
  output_gone_ = output_gone_ || !print(text);
  if (output_gone_) failures_ = true;
}

void JobDisplay::clear_line() {
  if (std::exchange(line_, false)) show("\r\x1b[K");
}

void JobDisplay::told(const Message& progress) {
  if (!bar_) show(control::write_message(progress));
  if (progress.contains("finding")) return name_finding(progress);
  if (!bar_) return;
  show("\r" + progress_line(progress_of(progress), columns_of_terminal()) + "\x1b[K");
  line_ = true;
}

void JobDisplay::name_finding(const Message& finding) {
  const auto encoded = control::text_of(finding, "path").value_or(std::string());
  const std::string path = control::decode_path(encoded).value_or(encoded);
  const auto what = control::text_of(finding, "error").value_or(std::string());
  const bool wrong = control::text_of(finding, "finding").value_or(std::string()) !=
                     finding_name(JobFinding::Kind::failed);
  const std::string name = printable(tree_ + (path.empty() ? "" : "/" + path));
  failed((wrong ? "" : "cannot " + verb(kind_) + " ") + name + ": " + printable(what));
}

void JobDisplay::ended(const Message& answer) {
  const JobProgress progress = progress_of(answer);
  if (progress.failed + progress.found > 0) failures_ = true;
  clear_line();
  show(bar_ ? job_summary(kind_, progress) + "\n" : control::write_message(answer));
}

void JobDisplay::failed(const std::string& sentence) {
  failures_ = true;
  clear_line();
  print_error(sentence);
}

}  // namespace lazymirror::cli
