// SPDX-License-Identifier: Apache-2.0
#include "unit/fuse/fake_engine.h"

#include <fcntl.h>

#include <chrono>
#include <stdexcept>

#include "base/file_io.h"
#include "support/oracle_origin.h"

namespace lazymirror::testing {
namespace {

constexpr std::uint64_t kChunk = 64U << 10U;
constexpr std::chrono::seconds kPatience{30};

}  // namespace

// One generation. Presence is kept per chunk.
class FakeFile final : public File {
 public:
  FakeFile(EntryId id, std::uint64_t generation, std::uint64_t size, std::string path,
           const std::string& data_file)
      : id_(id),
        generation_(generation),
        size_(size),
        path_(std::move(path)),
        data_file_(data_file),
        present_((size + kChunk - 1) / kChunk) {
    auto fd = open_fd(AT_FDCWD, data_file, O_RDWR | O_CREAT, 0600);
    if (!fd) throw std::runtime_error(fd.error().message);
    fd_ = std::move(*fd);
  }

  [[nodiscard]] EntryId id() const override { return id_; }
  [[nodiscard]] std::uint64_t generation() const override { return generation_; }
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  bool is_present(ByteRange range) override {
    const std::lock_guard lock(mutex_);
    for (std::uint64_t at = range.begin / kChunk; at * kChunk < range.end; ++at) {
      if (!present_[at]) return false;
    }
    return true;
  }
  bool is_complete() override { return is_present({0, size_}); }

  Result<std::size_t> read(std::span<std::byte> out, std::uint64_t offset, bool) override {
    if (!is_present({offset, offset + out.size()})) return fail(Errc::busy, "not present");
    return pread_full(fd_.get(), out, offset);
  }

  Result<UniqueFd> backing_fd() override {
    if (!is_complete()) return fail(Errc::busy, "not complete");
    return open_fd(AT_FDCWD, data_file_, O_RDONLY);
  }

  void make_present(ByteRange range) {
    const std::uint64_t first = range.begin / kChunk * kChunk;
    const std::uint64_t last = std::min(size_, (range.end + kChunk - 1) / kChunk * kChunk);
    std::vector<std::byte> bytes(last - first);
    oracle_fill(path_, generation_, first, bytes);
    if (!pwrite_full(fd_.get(), bytes, first)) throw std::runtime_error("pwrite");
    mark_present({first, last});
  }
  void mark_present(ByteRange range) {
    const std::lock_guard lock(mutex_);
    for (std::uint64_t at = range.begin / kChunk; at * kChunk < range.end; ++at) {
      present_[at] = true;
    }
  }

 private:
  const EntryId id_;
  const std::uint64_t generation_, size_;
  const std::string path_, data_file_;
  UniqueFd fd_;
  std::mutex mutex_;
  std::vector<bool> present_;
};

FakeEngine::FakeEngine(std::string directory) : directory_(std::move(directory)) {
  Node& root = nodes_[next_id_];
  root.id = root.parent = next_id_;
  root.kind = EntryKind::directory;
  ++next_id_;
}

FakeEngine::~FakeEngine() {
  std::vector<Waiting> left;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, waiting] : waiting_) left.push_back(std::move(waiting));
    waiting_.clear();
  }
  finish(std::move(left), fail(Errc::cancelled, "the engine stops"));
}

FakeEngine::Node* FakeEngine::node_at(const std::string& path) {
  for (auto& [id, node] : nodes_) {
    if (node.path == path) return &node;
  }
  return nullptr;
}

Result<EntryId> FakeEngine::find(std::string_view path) {
  const std::lock_guard lock(mutex_);
  const Node* node = node_at(path.empty() ? std::string() : "/" + std::string(path));
  if (node == nullptr) return fail(Errc::not_found, "nothing is known of " + std::string(path));
  return node->id;
}

FakeEngine::Node& FakeEngine::add(const std::string& path, EntryKind kind) {
  const std::size_t slash = path.rfind('/');
  const Node* parent = node_at(path.substr(0, slash));
  if (parent == nullptr) throw std::runtime_error("no directory for " + path);
  Node& node = nodes_[next_id_];
  node.id = next_id_++;
  node.parent = parent->id;
  node.name = path.substr(slash + 1);
  node.path = path;
  node.kind = kind;
  return node;
}

void FakeEngine::add_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  add(path, EntryKind::directory);
}

void FakeEngine::add_file(const std::string& path, std::uint64_t size, bool complete,
                          Size size_known) {
  const std::lock_guard lock(mutex_);
  Node& node = add(path, EntryKind::file);
  node.size_known = size_known == Size::known;
  node.file = std::make_shared<FakeFile>(node.id, 1, size, path,
                                         directory_ + "/" + std::to_string(node.id) + ".1");
  if (complete) node.file->make_present({0, size});
}

void FakeEngine::add_copy(const std::string& path, const std::string& of) {
  const auto contents = read_file(of, 64U << 20U);
  if (!contents) throw std::runtime_error(contents.error().message);
  const std::lock_guard lock(mutex_);
  Node& node = add(path, EntryKind::file);
  const std::string data_file = directory_ + "/" + std::to_string(node.id) + ".1";
  node.file = std::make_shared<FakeFile>(node.id, 1, contents->size(), path, data_file);
  const auto fd = open_fd(AT_FDCWD, data_file, O_WRONLY);
  if (!fd || !pwrite_full(fd->get(), std::as_bytes(std::span(*contents)), 0)) {
    throw std::runtime_error("cannot copy " + of);
  }
  node.file->mark_present({0, contents->size()});
}

template <typename F>
bool FakeEngine::with_node(const std::string& path, F change) {
  const std::lock_guard lock(mutex_);
  Node* node = node_at(path);
  if (node == nullptr) return false;
  change(*node);
  return true;
}

bool FakeEngine::hold(const std::string& path) {
  return with_node(path, [](Node& node) { node.held = true; });
}

bool FakeEngine::refuse(const std::string& path) {
  return with_node(path, [](Node& node) { node.no_space = true; });
}

bool FakeEngine::unhold(const std::string& path) {
  std::vector<Waiting> ready;
  const bool found = with_node(path, [&](Node& node) {
    node.held = false;
    ready = take_waiting(node.id);
  });
  finish(std::move(ready), {});
  return found;
}

bool FakeEngine::complete(const std::string& path) {
  EntryId id = 0, parent = 0;
  std::string name;
  const bool found = with_node(path, [&](Node& node) {
    node.file->make_present({0, node.file->size()});
    id = node.id, parent = node.parent, name = node.name;
  });
  if (found && listener_ != nullptr) listener_->file_completed(parent, name, id);
  return found;
}

bool FakeEngine::change(const std::string& path) {
  EntryId id = 0, parent = 0;
  std::string name;
  const bool found = with_node(path, [&](Node& node) {
    const std::uint64_t next = node.file->generation() + 1;
    node.file = std::make_shared<FakeFile>(
        node.id, next, node.file->size() + 1, path,
        directory_ + "/" + std::to_string(node.id) + "." + std::to_string(next));
    node.mtime_ns += 1'000'000'000;
    id = node.id, parent = node.parent, name = node.name;
  });
  if (found && listener_ != nullptr) listener_->entry_changed(parent, name, id);
  return found;
}

bool FakeEngine::remove(const std::string& path) {
  EntryId id = 0, parent = 0;
  std::string name;
  const bool found = with_node(path, [&](Node& node) {
    id = node.id, parent = node.parent, name = node.name;
    nodes_[parent].mtime_ns += 1'000'000'000;
    nodes_.erase(id);
  });
  if (!found || listener_ == nullptr) return found;
  listener_->entry_changed(parent, name, id);
  listener_->directory_changed(parent);
  return true;
}

bool FakeEngine::wait_for_waiters(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return waiting_.size() >= count; });
}

bool FakeEngine::wait_for_cancels(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kPatience, [&] { return cancels_ >= count; });
}

std::size_t FakeEngine::opens() {
  const std::lock_guard lock(mutex_);
  return opens_;
}

void FakeEngine::set_listener(ChangeListener* listener) {
  const std::lock_guard lock(mutex_);
  listener_ = listener;
}

Attributes FakeEngine::attributes_of(const Node& node) {
  Attributes out{.id = node.id, .kind = node.kind, .mtime_ns = node.mtime_ns};
  out.ctime_ns = 1'650'000'000'000'000'000;
  if (node.file != nullptr) {
    out.generation = node.file->generation();
    out.size = node.file->size();
    out.complete = node.file->is_complete();
  }
  return out;
}

// A name that is held waits until unhold(), as one that must be asked for.
void FakeEngine::lookup(EntryId directory, std::string_view name, RequestContext,
                        Completion<Attributes> done) {
  std::unique_lock lock(mutex_);
  for (auto& [id, node] : nodes_) {
    if (node.parent != directory || node.name != name || id == kRootId) continue;
    const Attributes found = attributes_of(node);
    if (node.held && !node.size_known) {
      auto shared = std::make_shared<Completion<Attributes>>(std::move(done));
      waiting_[next_waiter_++] = {id, [shared, found](Result<> result) {
                                    if (!result) return (*shared)(fail(result.error()));
                                    (*shared)(found);
                                  }};
      changed_.notify_all();
      return;
    }
    lock.unlock();
    return done(found);
  }
  lock.unlock();
  done(fail(Errc::not_found, "no such name"));
}

void FakeEngine::attributes(EntryId id, RequestContext, Completion<Attributes> done) {
  std::unique_lock lock(mutex_);
  const auto node = nodes_.find(id);
  Result<Attributes> result = fail(Errc::not_found, "no such entry");
  if (node != nodes_.end()) result = attributes_of(node->second);
  lock.unlock();
  done(std::move(result));
}

void FakeEngine::list(EntryId directory, RequestContext,
                      Completion<std::shared_ptr<const DirectoryView>> done) {
  auto view = std::make_shared<DirectoryView>();
  {
    const std::lock_guard lock(mutex_);
    view->id = directory;
    view->parent = nodes_[directory].parent;
    view->mtime_ns = nodes_[directory].mtime_ns;
    for (const auto& [id, node] : nodes_) {
      if (node.parent != directory || id == kRootId) continue;
      view->items.push_back({node.name, node.kind, id, {}});
      if (node.size_known) view->items.back().attributes = attributes_of(node);
    }
  }
  done(std::move(view));
}

Result<std::shared_ptr<File>> FakeEngine::open(EntryId id) {
  const std::lock_guard lock(mutex_);
  ++opens_;
  const auto node = nodes_.find(id);
  if (node == nodes_.end()) return fail(Errc::not_found, "no such entry");
  if (node->second.file == nullptr) return fail(Errc::is_a_directory, "a directory");
  return node->second.file;
}

WaiterId FakeEngine::fill(const std::shared_ptr<File>& file, ByteRange range, RequestContext,
                          Completion<> done) {
  const auto fake = std::static_pointer_cast<FakeFile>(file);
  if (fake->is_present(range)) {
    done({});
    return 0;
  }
  auto shared = std::make_shared<Completion<>>(std::move(done));
  std::unique_lock lock(mutex_);
  const auto node = nodes_.find(file->id());
  const WaiterId waiter = next_waiter_++;
  if (node != nodes_.end() && node->second.no_space) {
    worker_.run([shared] { (*shared)(fail(Errc::no_space, "the cache is full")); });
    return waiter;
  }
  waiting_[waiter] = {file->id(), [fake, range, shared](const Result<>& result) {
                        if (result) fake->make_present(range);
                        (*shared)(result);
                      }};
  changed_.notify_all();
  const bool held = node != nodes_.end() && node->second.held;
  lock.unlock();
  if (!held) {
    worker_.run([this, id = file->id()] {
      std::unique_lock inner(mutex_);
      auto ready = take_waiting(id);
      inner.unlock();
      for (auto& waiting : ready) waiting.done({});
    });
  }
  return waiter;
}

// REQUIRES: the lock is held.
std::vector<FakeEngine::Waiting> FakeEngine::take_waiting(EntryId entry) {
  std::vector<Waiting> out;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (it->second.entry == entry) {
      out.push_back(std::move(it->second));
      it = waiting_.erase(it);
    } else {
      ++it;
    }
  }
  return out;
}

void FakeEngine::finish(std::vector<Waiting> waiting, const Result<>& result) {
  for (auto& one : waiting) {
    worker_.run([done = std::move(one.done), result] { done(result); });
  }
}

void FakeEngine::cancel(WaiterId id) {
  std::unique_lock lock(mutex_);
  ++cancels_;
  changed_.notify_all();
  const auto it = waiting_.find(id);
  if (it == waiting_.end()) return;
  const auto done = std::move(it->second.done);
  waiting_.erase(it);
  lock.unlock();
  done(fail(Errc::cancelled, "cancelled"));
}

void FakeEngine::read_uncached(const std::shared_ptr<File>& file, ByteRange range, RequestContext,
                               Completion<std::vector<std::byte>> done) {
  const auto fake = std::static_pointer_cast<FakeFile>(file);
  auto shared = std::make_shared<Completion<std::vector<std::byte>>>(std::move(done));
  worker_.run([fake, range, shared] {
    std::vector<std::byte> bytes(range.size());
    oracle_fill(fake->path(), fake->generation(), range.begin, bytes);
    (*shared)(std::move(bytes));
  });
}

Result<FileStatus> FakeEngine::status(EntryId id) {
  const std::lock_guard lock(mutex_);
  const auto node = nodes_.find(id);
  if (node == nodes_.end()) return fail(Errc::not_found, "no such entry");
  if (node->second.file == nullptr) return FileStatus{"directory", 0, "http://origin/", ""};
  const bool complete = node->second.file->is_complete();
  return FileStatus{complete ? "cached" : "remote", complete ? node->second.file->size() : 0,
                    "http://origin" + node->second.path, "\"v1\""};
}

Result<EngineUsage> FakeEngine::usage() {
  const std::lock_guard lock(mutex_);
  return EngineUsage{nodes_.size(), 1'000 * 4'096, 600 * 4'096, 500 * 4'096};
}

}  // namespace lazymirror::testing
