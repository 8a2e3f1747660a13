// SPDX-License-Identifier: Apache-2.0
#include "engine_fixture.h"

#include <algorithm>

#include "support/truth.h"

namespace lazymirror::testing {

void Recorder::add(const std::string& event) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
  }
  moved_.notify_all();
}

int Recorder::count(const std::string& event) const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::count(events_.begin(), events_.end(), event));
}

bool Recorder::wait_for(const std::string& event, int times) const {
  std::unique_lock lock(mutex_);
  return moved_.wait_for(lock, std::chrono::seconds(90), [&] {
    return std::count(events_.begin(), events_.end(), event) >= times;
  });
}

EngineTest::EngineTest() { options.probe_ahead = 16; }

EngineTest::~EngineTest() {
  web->release();
  stop();
}

void EngineTest::start(const Wrap& wrap) {
  auto cache = Cache::open({directory / "cache", options.url.str(), Duration(100), 100, ""}, clock);
  ASSERT_TRUE(cache) << cache.error().message;
  auto opened = wrap ? wrap(std::move(*cache)) : std::move(*cache);
  auto started = Engine::start(options, FakeWeb::origin(web), std::move(opened), clock);
  ASSERT_TRUE(started) << started.error().message;
  engine = std::move(*started);
  engine->set_listener(&heard);
}

void EngineTest::stop() { engine.reset(); }

Result<Attributes> EngineTest::lookup(EntryId parent, const std::string& name) {
  return wait<Attributes>(
      [&](Completion<Attributes> done) { engine->lookup(parent, name, soon(), std::move(done)); });
}

Result<Attributes> EngineTest::walk(const std::string& path) {
  EntryId at = kRootId;
  for (std::size_t begin = 0;;) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    auto found = lookup(at, path.substr(begin, end - begin));
    if (!found || end == path.size()) return found;
    at = found->id;
    begin = end + 1;
  }
}

Result<std::shared_ptr<const DirectoryView>> EngineTest::list(EntryId id) {
  using View = std::shared_ptr<const DirectoryView>;
  return wait<View>([&](Completion<View> done) { engine->list(id, soon(), std::move(done)); });
}

std::vector<std::string> EngineTest::names(EntryId id) {
  const auto view = list(id);
  EXPECT_TRUE(view) << view.error().message;
  std::vector<std::string> result;
  if (view) {
    for (const auto& item : (*view)->items) result.push_back(item.name);
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::shared_ptr<File> EngineTest::open(const std::string& path) {
  const auto found = walk(path);
  EXPECT_TRUE(found) << path;
  if (!found) return nullptr;
  auto file = engine->open(found->id);
  EXPECT_TRUE(file) << path;
  return file ? *file : nullptr;
}

Result<> EngineTest::fill(const std::shared_ptr<File>& file, ByteRange range) {
  return wait<void>([&](Completion<> done) { engine->fill(file, range, soon(), std::move(done)); });
}

::testing::AssertionResult EngineTest::reads(const std::shared_ptr<File>& file,
                                             const std::string& path, std::uint64_t version,
                                             ByteRange range) {
  if (auto filled = fill(file, range); !filled) {
    return ::testing::AssertionFailure()
           << errc_name(filled.error().code) << ": " << filled.error().message;
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(range.size()));
  const auto count = file->read(bytes, range.begin, false);
  if (!count) return ::testing::AssertionFailure() << "read: " << count.error().message;
  if (*count != bytes.size()) return ::testing::AssertionFailure() << "read only " << *count;
  return bytes_are("/" + path, version, range.begin, bytes);
}

}  // namespace lazymirror::testing
