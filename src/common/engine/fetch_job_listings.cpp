// SPDX-License-Identifier: Apache-2.0
//
// The first part of a fetch: listings and sizes, which tell what there is to do.
#include <algorithm>
#include <utility>

#include "engine/fetch_job.h"

namespace lazymirror {

void FetchJob::work(const std::vector<Entry>& roots) {
  if (is_offline() && request().kind == JobKind::refresh) return end_offline();
  listings_.emplace(catalog(), request().recursive);
  for (const Entry& root : roots) {
    roots_.push_back(root.id);
    add_root(root);
  }
  list_more();
}

void FetchJob::add_root(const Entry& root) {
  if (root.kind != EntryKind::file) {
    root_directories_.push_back(root.id);
    return listings_->order().add_root(root.id);
  }
  if (request().kind == JobKind::refresh) return check_file(root);
  root_files_.push_back(root);
  ++progress_.files;
  progress_.bytes += root.size.value_or(0);
  const auto file = tools_.parts.cache.file(root.id);
  if (file) here_ += (*file)->present_bytes();
}

// Of a single file, refreshing asks for the file itself.
void FetchJob::check_file(const Entry& file) {
  ++checks_;
  ++progress_.files;
  tools_.prober.check(file, context(), then<Entry>([this, file](const auto& now) {
                        --checks_;
                        now ? note_success() : report_failure(path_of(file.id), now.error());
                        ++progress_.files_done;
                        list_more();
                      }));
}

void FetchJob::list_more() {
  if (ended()) return;
  CrawlOrder& order = listings_->order();
  while (order.under_way() < kListings) {
    const auto directory = order.next();
    if (!directory) break;
    list(*directory);
  }
  if (order.finished() && checks_ == 0 && !std::exchange(all_listed_, true)) all_listed();
}

// Refreshing does not go where nobody has been.
void FetchJob::list(EntryId directory) {
  auto next = then<>([this, directory](const auto& loaded) { listed(directory, loaded); });
  if (request().kind != JobKind::refresh) {
    return tools_.loader.load(directory, context(), std::move(next));
  }
  const auto state = catalog().directory(directory);
  const bool asked_for = std::ranges::find(root_directories_, directory) != root_directories_.end();
  if (!asked_for && (!state || !state->listed)) {
    listings_->order().left_out(directory);
    return later([this] { list_more(); });
  }
  tools_.loader.reload(directory, context(), {.in_full = true, .patient = true}, std::move(next));
}

// Where there is an old listing, fetch is content with it: what is missing then
// will be said file by file.
void FetchJob::listed(EntryId directory, const Result<>& loaded) {
  const auto state = catalog().directory(directory);
  const bool old = state && state->listed && request().kind != JobKind::refresh;
  if (loaded) note_success();
  if (loaded || old) return populate(directory);
  listings_->order().left_out(directory);
  if (is_offline()) {
    ++unlisted_;
  } else {
    report_failure(path_of(directory), loaded.error());
  }
  list_more();
}

void FetchJob::populate(EntryId directory) {
  if (tools_.populator != nullptr) {
    return tools_.populator->populate(
        directory, context(), then<Populator::PlacementPtr>([this, directory](const auto& placed) {
          sized(directory, placed ? std::nullopt : std::optional(placed.error()));
        }));
  }
  if (request().kind == JobKind::refresh) return sized(directory, std::nullopt);
  auto next = then<std::optional<Error>>(
      [this, directory](const auto& missing) { sized(directory, *missing); });
  tools_.sizes.run(directory, context(),
                   [next = std::move(next)](SizeSurvey::Outcome outcome) mutable {
                     next(std::move(outcome.missing));
                   });
}

void FetchJob::sized(EntryId directory, const std::optional<Error>& missing) {
  ++progress_.directories;
  if (missing) report_failure(path_of(directory), *missing);
  if (ended()) return;
  add_up(directory);
  if (!listings_->order().listed(directory)) {
    report(JobFinding::Kind::failed, path_of(directory),
           {Errc::bad_reply, "it lies too deep: directories below it are left out", 0});
  }
  list_more();
}

void FetchJob::add_up(EntryId directory) {
  const auto totals = catalog().file_totals(directory);
  if (!totals) return report_failure(path_of(directory), totals.error());
  progress_.files += totals->files;
  progress_.bytes += totals->bytes;
  here_ += totals->cached_bytes;
  if (brings_bytes()) {
    progress_.files_done += totals->complete;
    settled_present_ += totals->complete_bytes;
    settled_bytes_ += totals->complete_bytes;
  }
  if (totals->unsized > 0 && request().kind != JobKind::refresh) name_unsized(directory);
}

void FetchJob::name_unsized(EntryId directory) {
  const auto children = catalog().children(directory);
  if (!children) return;
  for (const Entry& child : *children) {
    if (is_resolved(child)) continue;
    ++progress_.files;
    ++failed_files_;
    report(JobFinding::Kind::failed, path_of(child.id),
           {Errc::bad_reply, "the origin does not say how large it is", 0});
  }
}

void FetchJob::all_listed() {
  if (brings_bytes()) return begin_fetching();
  progress_.files_done = progress_.files;
  progress_.bytes_done = progress_.bytes;
  unlisted_ > 0 ? end_offline() : end({});
}

// What cannot fit is said before hours are spent, not after.
void FetchJob::begin_fetching() {
  const std::uint64_t missing = progress_.bytes - std::min(progress_.bytes, here_);
  auto fits = tools_.parts.storage.check_fits(missing, here_, roots_);
  const bool matters = request().kind == JobKind::pin || !is_offline();
  if (!fits && matters) return end(fits);
  if (request().kind == JobKind::pin) pin_all();
  if (unlisted_ > 0) return end_offline();
  progress_.phase = JobProgress::Phase::fetching;
  directories_.emplace(catalog(), request().recursive);
  for (const EntryId root : root_directories_) directories_->order().add_root(root);
  fetch_more();
}

// Before the first byte is asked for, lest one goes while another comes.
void FetchJob::pin_all() {
  for (const EntryId root : roots_) {
    const auto pinned = tools_.parts.storage.pin(root);
    if (!pinned) report_failure(path_of(root), pinned.error());
  }
}

}  // namespace lazymirror
