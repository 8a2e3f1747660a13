// SPDX-License-Identifier: Apache-2.0
#include "cache/committer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "base/log.h"
#include "base/worker_pool.h"

namespace lazymirror {
namespace {

// Beyond this many files one syncfs(2) is cheaper than an fdatasync(2) each,
// although it writes out what others have changed on the file system, too.
constexpr std::size_t kSyncEach = 16;

}  // namespace

Committer::Committer(Catalog& catalog, int data_fd, Duration interval)
    : catalog_(catalog), data_fd_(data_fd), interval_(interval), thread_([this] { run(); }) {}

Committer::~Committer() { (void)stop(); }

void Committer::add(std::shared_ptr<Committable> file) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  dirty_.push_back(std::move(file));
  if (dirty_.size() == 1) wake_.notify_one();
}

void Committer::poke() {
  const std::lock_guard lock(mutex_);
  log_grew_ = true;
  wake_.notify_one();
}

Result<> Committer::flush() {
  std::unique_lock lock(mutex_);
  if (stopped_) return {};
  const std::uint64_t ticket = ++wanted_;
  wake_.notify_one();
  done_.wait(lock, [&] { return completed_ >= ticket || stopped_; });
  return last_result_;
}

Result<> Committer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  return last_result_;
}

void Committer::run() {
  name_this_thread("lm-commit");
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto urgent = [this] { return stopping_ || wanted_ != completed_; };
    wake_.wait(lock, [&] { return urgent() || !dirty_.empty() || log_grew_; });
    wake_.wait_for(lock, interval_, urgent);
    const bool last = stopping_;
    const std::uint64_t ticket = wanted_;
    log_grew_ = false;
    Batch batch;
    batch.swap(dirty_);
    lock.unlock();
    Result<> result = commit(std::move(batch));
    report(result);
    lock.lock();
    last_result_ = std::move(result);
    completed_ = ticket;
    stopped_ = last;
    done_.notify_all();
    if (!last) continue;
    batch.swap(dirty_);  // could not be committed: let go
    lock.unlock();
    return;
  }
}

Result<> Committer::commit(Batch batch) try {
  std::vector<std::pair<std::shared_ptr<Committable>, Committable::Snapshot>> work;
  for (auto& file : batch) {
    if (auto snapshot = file->take_snapshot())
      work.emplace_back(std::move(file), std::move(*snapshot));
  }
  Result<> result = sync(work);
  std::vector<FileRecord> records;
  for (auto& [file, snapshot] : work) records.push_back(std::move(snapshot.record));
  if (!records.empty()) {
    if (auto r = catalog_.commit(records); !r) {
      for (auto& [file, snapshot] : work) file->commit_failed();
      return r;
    }
    for (auto& [file, snapshot] : work) file->committed();
  }
  if (auto r = catalog_.checkpoint(); !r && r.error().code != Errc::busy) return r;
  return result;
} catch (const std::exception& e) {
  return fail(Errc::internal, e.what());
}

// Leaves those in `work` whose data is on the disk; none is kept open, which would
// be in the way of its eviction.
Result<> Committer::sync(
    std::vector<std::pair<std::shared_ptr<Committable>, Committable::Snapshot>>& work) {
  if (work.size() > kSyncEach && ::syncfs(data_fd_) == 0) {
    for (auto& [file, snapshot] : work) snapshot.data.reset();
    return {};
  }
  Result<> result;
  std::erase_if(work, [&](auto& item) {
    auto& [file, snapshot] = item;
    const auto data = std::exchange(snapshot.data, nullptr);
    if (!data || ::fdatasync(data->get()) == 0) return false;
    const Error error = os_error(errno, "cannot sync a data file of the cache");
    file->data_lost(error);
    result = fail(error);
    return true;
  });
  return result;
}

void Committer::report(const Result<>& result) {
  if (!result && !failing_) {
    log::error("cache: what was fetched cannot be recorded: {}", result.error().message);
  }
  if (result && failing_) log::info("cache: what is fetched is recorded again");
  failing_ = !result;
}

}  // namespace lazymirror
