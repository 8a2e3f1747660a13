// SPDX-License-Identifier: Apache-2.0
//
// Makes chunk bits durable in batches: snapshots of the maps, then a sync of
// the data, then one catalog transaction. A bit in the catalog therefore never
// leads its data (docs/semantics.md, "Crash and power loss").
//
// Threads: safe from any thread; the work is done on a thread of its own,
// "lm-commit", with no lock held. Keeps changed files alive until they are in
// the catalog.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "cache/catalog.h"

namespace lazymirror {

// A file with bits that are not in the catalog yet.
class Committable {
 public:
  virtual ~Committable() = default;
  struct Snapshot {
    FileRecord record;
    std::shared_ptr<const UniqueFd> data;  // what is to be synced first
  };
  // What is to be committed, and from now on the file is clean; nothing when
  // there is nothing (any more).
  [[nodiscard]] virtual std::optional<Snapshot> take_snapshot() = 0;
  // The last snapshot was given to the catalog, or was not.
  virtual void committed() = 0;
  virtual void commit_failed() = 0;
  // The data file could not be synced: the kernel may have dropped its pages
  // (fsync(2), EIO), so none of its bits can be believed.
  virtual void data_lost(const Error& why) = 0;
};

class Committer {
 public:
  Committer(Catalog& catalog, int data_fd, Duration interval);
  ~Committer();  // as stop()
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  void add(std::shared_ptr<Committable> file);
  void poke();       // the catalog's log has grown
  Result<> flush();  // commits now, and waits for it
  Result<> stop();   // commits a last time; the result of that. Later calls do nothing

 private:
  using Batch = std::vector<std::shared_ptr<Committable>>;
  void run();
  Result<> commit(Batch batch);
  Result<> sync(std::vector<std::pair<std::shared_ptr<Committable>, Committable::Snapshot>>& work);
  void report(const Result<>& result);

  Catalog& catalog_;
  const int data_fd_;
  const Duration interval_;

  std::mutex mutex_;  // leaf: guards all below
  std::condition_variable wake_, done_;
  Batch dirty_;
  bool log_grew_ = false;
  bool stopping_ = false, stopped_ = false;
  std::uint64_t wanted_ = 0, completed_ = 0;  // flushes
  Result<> last_result_;

  bool failing_ = false;  // of the thread only
  std::thread thread_;
};

}  // namespace lazymirror
