// SPDX-License-Identifier: Apache-2.0
//
// The second part of a fetch: the bytes.
#include "engine/fetch_job.h"

#include <algorithm>
#include <utility>

namespace lazymirror {

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
  progress_.bytes_present += std::min(item->here_before, here);
  items_.erase(item->entry.id);
  if (!item->error) {
    ++progress_.files_done;
    return;
  }
  if (item->error->code == Errc::no_space) return end(fail(*item->error));
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

// --- how far it is, and the end ---

void FetchJob::count() {
  if (progress_.phase != JobProgress::Phase::fetching) {
    progress_.bytes_done = request().kind == JobKind::fetch ? settled_bytes_ : progress_.bytes_done;
    return;
  }
  std::uint64_t bytes = settled_bytes_;
  for (const auto& [id, item] : items_) bytes += item->file ? item->file->present_bytes() : 0;
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
