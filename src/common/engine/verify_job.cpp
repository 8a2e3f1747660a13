// SPDX-License-Identifier: Apache-2.0
#include "engine/verify_job.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/units.h"

namespace lazymirror {

// --- how much there is ---

void VerifyJob::work(const std::vector<Entry>& roots) {
  if (auto kept = tools_.parts.cache.flush(); !kept) return end(kept);
  counting_.emplace(catalog(), request().recursive);
  directories_.emplace(catalog(), request().recursive);
  for (const Entry& root : roots) {
    if (root.kind == EntryKind::file) {
      root_files_.push_back(root);
      ++progress_.files;
      progress_.bytes += root.size.value_or(0);
      continue;
    }
    counting_->order().add_root(root.id);
    directories_->order().add_root(root.id);
  }
  count_more();
}

void VerifyJob::count_more() {
  for (std::size_t i = 0; i < kPage; ++i) {
    const auto directory = counting_->next_listed();
    if (!directory) return begin_checking();
    const auto totals = catalog().file_totals(*directory);
    if (!totals) continue;
    ++progress_.directories;
    progress_.files += totals->cached;
    progress_.bytes += totals->cached_bytes;
  }
  later([this] { count_more(); });
}

void VerifyJob::begin_checking() {
  progress_.phase = JobProgress::Phase::checking;
  next_page();
}

// --- which files, and what is published of them ---

void VerifyJob::next_page() {
  if (!fill_page()) return check_more();
  preparing_ = true;
  read_lists(general_lists(), [this] {
    read_lists(sole_lists(), [this] {
      preparing_ = false;
      check_more();
    });
  });
}

// Up to a page of cached files of one directory; false: there are no more.
bool VerifyJob::fill_page() {
  if (!root_files_.empty()) {
    page_.push_back(std::move(root_files_.front()));
    root_files_.pop_front();
    more_in_directory_ = false;
    directory_ = page_.front().parent;
    return true;
  }
  while (page_.empty()) {
    if (!more_in_directory_) {
      const auto next = directories_->next_listed();
      if (!next) return false;
      directory_ = *next;
      after_ = 0;
    }
    const auto found = catalog().cached_after(directory_, after_, kPage);
    more_in_directory_ = found && found->size() == kPage;
    if (found) page_.assign(found->begin(), found->end());
  }
  after_ = page_.back().id;
  return true;
}

// Once for a directory.
std::vector<Entry> VerifyJob::general_lists() {
  std::vector<Entry> lists;
  if (std::exchange(sums_of_, directory_) == directory_) return lists;
  sums_.clear();
  auto children = catalog().children(directory_);
  if (!children) return lists;
  for (Entry& child : *children) {
    const bool usable = child.kind == EntryKind::file && child.size &&
                        *child.size <= kMaxChecksumList && is_checksum_list(child.name);
    if (usable && !lists_one_file(child.name)) lists.push_back(std::move(child));
  }
  return lists;
}

std::vector<Entry> VerifyJob::sole_lists() const {
  constexpr std::array<std::string_view, 6> kEnds = {".sha512",    ".sha256", ".sha512sum",
                                                     ".sha256sum", ".sha1",   ".md5"};
  std::vector<Entry> lists;
  for (const Entry& file : page_) {
    if (sums_.contains(file.name)) continue;
    for (const std::string_view end : kEnds) {
      const auto list = catalog().find(directory_, file.name + std::string(end));
      const bool usable = list && *list && (*list)->kind == EntryKind::file && (*list)->size &&
                          *(*list)->size <= kMaxChecksumList;
      if (!usable) continue;
      lists.push_back(**list);
      break;
    }
  }
  return lists;
}

void VerifyJob::read_lists(std::vector<Entry> lists, UniqueFunction<void()> done) {
  lists_done_ = std::move(done);
  lists_open_ = lists.size() + 1;
  for (const Entry& list : lists) read_list(list);
  list_read();
}

// The list as the origin has it now; while the origin is away, as it is here.
void VerifyJob::read_list(const Entry& list) {
  tools_.prober.check(list, context(), then<Entry>([this, list](const auto&) {
                        const auto file = tools_.files.open(list.id);
                        if (!file || (*file)->size() > kMaxChecksumList) return list_read();
                        tools_.files.fetch(*file, {0, (*file)->size()}, context(),
                                           then<>([this, list](const auto& got) {
                                             if (got) use_list(list);
                                             list_read();
                                           }));
                      }));
}

void VerifyJob::use_list(const Entry& list) {
  const auto file = tools_.files.open(list.id);
  if (!file || (*file)->size() > kMaxChecksumList) return;
  std::string text(static_cast<std::size_t>((*file)->size()), '\0');
  const auto count = (*file)->read(std::as_writable_bytes(std::span(text)), 0, false);
  if (count) add_checksums(list.name, std::string_view(text).substr(0, *count), sums_);
}

void VerifyJob::list_read() {
  if (--lists_open_ > 0) return;
  auto done = std::move(lists_done_);
  done();
}

// --- the files ---

void VerifyJob::check_more() {
  while (!preparing_ && !page_.empty() && open_ < kQuestions) {
    const Entry entry = std::move(page_.front());
    page_.pop_front();
    ask(entry);
  }
  if (open_ > 0 || preparing_) return;
  if (!page_.empty()) return;
  const bool more = more_in_directory_ || !root_files_.empty() || !directories_->order().finished();
  if (more) return later([this] { next_page(); });
  end({});
}

void VerifyJob::ask(const Entry& entry) {
  const auto item = std::make_shared<Item>();
  item->entry = entry;
  ++open_;
  if (const auto sum = sums_.find(entry.name); sum != sums_.end()) item->published = sum->second;
  if (outages_ >= kOutages || is_offline()) {
    return later([this, item] { answered(item, item->entry); });
  }
  tools_.prober.check(entry, context(),
                      then<Entry>([this, item](const auto& now) { answered(item, now); }));
}

void VerifyJob::answered(const ItemPtr& item, const Result<Entry>& now) {
  const std::string path = path_of(item->entry.id);
  if (now) outages_ = outages_ >= kOutages ? outages_ : 0;
  if (now && now->generation != item->entry.generation) {
    report(
        JobFinding::Kind::changed, path,
        {Errc::changed, "the origin has another version: it is fetched when it is next read", 0});
    return finish();
  }
  if (!now && now.error().code == Errc::not_found) {
    report(JobFinding::Kind::gone, path, {Errc::not_found, "the origin has it no more", 0});
  } else if (!now && outages_ < kOutages && !is_offline()) {
    report(JobFinding::Kind::failed, path,
           with_context(now.error(), "it could not be compared with the origin"));
    if (is_outage(now.error().code)) ++outages_;
  }
  auto file = tools_.files.open(item->entry.id);
  if (!file) {
    report(JobFinding::Kind::failed, path, file.error());
    return finish();
  }
  item->file = std::move(*file);
  const bool whole = item->file->present_bytes() == item->file->size();
  if (whole && item->published) item->digest.emplace(item->published->kind);
  to_read_.push_back(item);
  if (to_read_.size() == 1) later([this] { read_slice(); });
}

void VerifyJob::read_slice() {
  const ItemPtr item = to_read_.front();
  CachedFile::ByteSink sink;
  if (item->digest) sink = [&](std::span<const std::byte> bytes) { item->digest->add(bytes); };
  const ByteRange slice = clipped(item->at, kSlice, item->file->size());
  const auto found = item->file->cached().check(slice, sink);
  progress_.bytes_done += found.bytes;
  item->damaged.insert(item->damaged.end(), found.damaged.begin(), found.damaged.end());
  item->at = slice.end;
  if (item->at == item->file->size()) {
    to_read_.pop_front();
    judge(item);
  }
  if (!ended() && !to_read_.empty()) later([this] { read_slice(); });
}

void VerifyJob::judge(const ItemPtr& item) {
  const std::string path = path_of(item->entry.id);
  if (!item->damaged.empty()) {
    std::uint64_t bytes = 0;
    for (const ByteRange range : item->damaged) bytes += range.size();
    report(
        JobFinding::Kind::damaged, path,
        {Errc::corrupt,
         format_size(bytes) + " in the cache are not what was stored: they are fetched again", 0});
    return give_up(item);
  }
  if (!item->digest) return finish();
  ++progress_.compared;
  const GivenUp now{item->file->generation(), item->published->hex, item->digest->hex()};
  if (now.found == now.published) return finish();
  mismatch(item, now);
}

// What the origin has sent twice is what it has: to give it up again would be
// in vain.
void VerifyJob::mismatch(const ItemPtr& item, const GivenUp& now) {
  const std::string path = path_of(item->entry.id);
  const std::string what = "it does not match its " +
                           std::string(digest_name(item->published->kind)) + " in " +
                           item->published->list + ": ";
  const auto before = tools_.given_up.find(item->entry.id);
  if (before != tools_.given_up.end() && before->second == now) {
    report(JobFinding::Kind::conflict, path,
           {Errc::corrupt, what + "the server has sent the same again, so it is kept", 0});
    return finish();
  }
  report(JobFinding::Kind::mismatch, path, {Errc::corrupt, what + "it is fetched again", 0});
  item->damaged = {{0, item->file->size()}};
  item->mismatch = now;
  give_up(item);
}

void VerifyJob::give_up(const ItemPtr& item) {
  CachedFile& cached = item->file->cached();
  const auto done = tools_.in_place != nullptr ? tools_.in_place->forget(cached, item->damaged)
                                               : cached.forget(item->damaged);
  if (!done && done.error().code == Errc::busy && ++item->tries < kTries) {
    tools_.parts.timers.run_after(kPause, [self = shared_from_this(), this, item] {
      later([this, item] { give_up(item); });
    });
    return;
  }
  if (!done) {
    report(JobFinding::Kind::failed, path_of(item->entry.id),
           with_context(done.error(), "its damaged bytes could not be given up"));
  } else if (item->mismatch) {
    remember(*item);
  }
  if (const auto entry = catalog().get(item->entry.id)) tools_.parts.changes.file_changed(*entry);
  finish();
}

void VerifyJob::remember(const Item& item) {
  constexpr std::size_t kMost = 100'000;
  if (tools_.given_up.size() >= kMost) tools_.given_up.clear();
  tools_.given_up.insert_or_assign(item.entry.id, *item.mismatch);
}

void VerifyJob::finish() {
  ++progress_.files_done;
  --open_;
  check_more();
}

}  // namespace lazymirror
