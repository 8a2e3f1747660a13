// SPDX-License-Identifier: Apache-2.0
//
// The second part of a fetch: the bytes.
#include "engine/fetch_job.h"

#include <algorithm>
#include <utility>

namespace lazymirror {
namespace {

std::string count_of(std::uint64_t number, const char* one, const char* many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

}  // namespace

// --- which file is next ---

std::optional<Entry> FetchJob::next_missing() {
  if (!root_files_.empty()) {
    Entry file = std::move(root_files_.front());
    root_files_.pop_front();
    return file;
  }
  while (page_.empty()) {
    if (directory_ == 0) {
      const auto next = directories_->next_listed();
      if (!next) return std::nullopt;
      directory_ = *next;
      after_ = 0;
    }
    auto found = catalog().incomplete_after(directory_, after_, kPage);
    if (found) page_.assign(found->begin(), found->end());
    if (!found) report_failure(path_of(directory_), found.error());
    if (!found || found->size() < kPage) directory_ = 0;
    if (!page_.empty()) after_ = page_.back().id;
  }
  Entry file = std::move(page_.front());
  page_.pop_front();
  return file;
}

// False: there are no more.
bool FetchJob::take_next_file() {
  if (!again_.empty()) {
    current_ = std::move(again_.front());
    again_.pop_front();
    return true;
  }
  auto entry = next_missing();
  if (!entry) return false;
  if (items_.contains(entry->id)) return true;  // given twice
  current_ = std::make_shared<Item>();
  current_->entry = std::move(*entry);
  items_.emplace(current_->entry.id, current_);
  open_next(current_);
  return true;
}

void FetchJob::open_next(const ItemPtr& item) {
  item->at = 0;
  item->asked = false;
  auto file = tools_.files.open(item->entry.id);
  if (!file) {
    item->error = file.error();
    item->asked = true;
    return;
  }
  item->file = std::move(*file);
  progress_.bytes += item->file->size() - item->entry.size.value_or(0);
  item->entry.size = item->file->size();
  item->here_before = item->file->present_bytes();
}

// --- pieces ---

void FetchJob::fetch_more() {
  while (!ended() && window_.has_room()) {
    if (!current_ && !take_next_file()) break;
    if (!current_ || (!current_->asked && ask_piece(current_))) continue;
    const ItemPtr item = std::exchange(current_, nullptr);
    if (item->open == 0) settle(item);
  }
  if (!ended() && items_.empty() && window_.empty()) all_fetched();
}

// False: nothing more is missing of the file, or nothing more to be had.
bool FetchJob::ask_piece(const ItemPtr& item) {
  const ByteRange rest{item->at, item->file->size()};
  const auto missing = item->error ? std::nullopt : item->file->first_missing(rest);
  item->asked = !missing;
  if (!missing) return false;
  const ByteRange range = BulkWindow::first_piece(*missing);
  item->at = range.end;
  const std::uint64_t number = next_piece_++;
  Piece& piece = pieces_[number] = {item, range, 0};
  ++item->open;
  window_.begin(range);
  piece.waiter =
      tools_.files.fetch(item->file, range, context(),
                         then<>([this, number](const auto& result) { arrived(number, result); }));
  return true;
}

void FetchJob::arrived(std::uint64_t number, const Result<>& result) {
  const auto node = pieces_.extract(number);
  const ItemPtr item = node.mapped().item;
  window_.end(node.mapped().range);
  --item->open;
  if (result) note_success();
  if (!result && !item->error) item->error = result.error();
  if (item->error) item->asked = true;
  if (item->open == 0 && item->asked && item != current_) settle(item);
  fetch_more();
}

// Nothing of the file is under way any more.
void FetchJob::settle(const ItemPtr& item) {
  if (item->error && item->error->code == Errc::changed && ++item->tries < kVersions) {
    return try_again(item);
  }
  const std::uint64_t here = item->file ? item->file->present_bytes() : 0;
  settled_bytes_ += here;
  settled_present_ += std::min(item->here_before, here);
  items_.erase(item->entry.id);
  if (!item->error) {
    ++progress_.files_done;
    return;
  }
  if (item->error->code == Errc::no_space) return end(fail(*item->error));
  if (is_offline() && is_outage(item->error->code)) return end_offline();
  ++failed_files_;
  report_failure(path_of(item->entry.id), *item->error);
}

// The origin has another version by now. Which one, it is asked.
void FetchJob::try_again(const ItemPtr& item) {
  item->error.reset();
  tools_.prober.check(item->entry, context(), then<Entry>([this, item](const auto& now) {
                        if (now) open_next(item);
                        if (!now) item->error = now.error();
                        item->error ? settle(item) : again_.push_back(item);
                        fetch_more();
                      }));
}

void FetchJob::all_fetched() {
  if (auto kept = tools_.parts.cache.flush(); !kept) return end(kept);
  end({});
}

// --- offline ---

// While it lists, what is known is enough.
void FetchJob::went_offline() {
  if (request().kind == JobKind::refresh) return end_offline();
  if (progress_.phase == JobProgress::Phase::fetching && !items_.empty()) end_offline();
}

// What is missing has failed, at once and all of it.
void FetchJob::end_offline() {
  for (const Entry& file : root_files_) {
    const auto cached = tools_.parts.cache.file(file.id);
    if (cached && (*cached)->is_complete()) ++progress_.files_done;
  }
  const std::uint64_t settled = progress_.files_done + failed_files_;
  const std::uint64_t missing = progress_.files - std::min(progress_.files, settled);
  progress_.failed += missing + unlisted_;
  std::string what = "nothing can be asked for";
  if (request().kind != JobKind::refresh) {
    what = count_of(missing, "file is", "files are") + " not here";
    if (unlisted_ > 0)
      what += ", " + count_of(unlisted_, "directory", "directories") + " not known";
  }
  end(fail(Errc::unreachable, "the tree is offline (lazymirror online ends that): " + what));
}

// --- how far it is, and the end ---

void FetchJob::count() {
  progress_.bytes_present = settled_present_;
  if (progress_.phase != JobProgress::Phase::fetching) {
    progress_.bytes_done = brings_bytes() ? settled_bytes_ : progress_.bytes_done;
    return;
  }
  std::uint64_t bytes = settled_bytes_;
  for (const auto& [id, item] : items_) {
    const std::uint64_t here = item->file ? item->file->present_bytes() : 0;
    bytes += here;
    progress_.bytes_present += std::min(item->here_before, here);
  }
  progress_.bytes_done = std::min(bytes, progress_.bytes);
}

void FetchJob::withdraw() {
  for (const auto& [number, piece] : pieces_) tools_.files.cancel(piece.waiter);
  pieces_.clear();
  items_.clear();
  again_.clear();
  current_.reset();
}

}  // namespace lazymirror
