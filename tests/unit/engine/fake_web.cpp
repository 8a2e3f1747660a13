// SPDX-License-Identifier: Apache-2.0
#include "fake_web.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <thread>
#include <utility>

#include "base/unique_function.h"
#include "support/oracle_origin.h"

namespace lazymirror::testing {
namespace {

constexpr std::size_t kPiece = 16u << 10;
constexpr std::chrono::seconds kPatience{90};

std::string decoded(const Url& url) {
  std::string path;
  std::string_view rest = url.path();
  while (!rest.empty()) {
    rest.remove_prefix(1);  // the slash
    const auto end = std::min(rest.find('/'), rest.size());
    path += '/' + decode_segment(rest.substr(0, end)).value_or("?");
    rest.remove_prefix(end);
  }
  return path;
}

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

}  // namespace

// --- the tree ---

void FakeWeb::put(const std::string& path, WebFile file) {
  const std::lock_guard lock(mutex_);
  files_[path] = file;
  for (std::size_t at = 0; (at = path.find('/', at)) != std::string::npos; ++at) {
    directories_.insert(path.substr(0, at + 1));
  }
}

void FakeWeb::put_text(const std::string& path, const std::string& text) {
  put(path, {text.size()});
  const std::lock_guard lock(mutex_);
  texts_[path] = text;
}

void FakeWeb::make_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  directories_.insert(path);
}

void FakeWeb::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  files_.erase(path);
  directories_.erase(path);
}

void FakeWeb::touch(const std::string& path) {
  const std::lock_guard lock(mutex_);
  ++files_.at(path).version;
}

void FakeWeb::set_style(Style style) {
  const std::lock_guard lock(mutex_);
  style_ = style;
}

void FakeWeb::set_ranges(bool supported) {
  const std::lock_guard lock(mutex_);
  ranges_ = supported;
}

void FakeWeb::set_max_age(std::optional<Duration> max_age) {
  const std::lock_guard lock(mutex_);
  max_age_ = max_age;
}

void FakeWeb::mark_listings(std::optional<std::string> etag) {
  const std::lock_guard lock(mutex_);
  marks_ = std::move(etag);
}

void FakeWeb::set_away(bool away) {
  const std::lock_guard lock(mutex_);
  away_ = away;
}

void FakeWeb::spoil_listings(bool spoilt) {
  const std::lock_guard lock(mutex_);
  spoilt_ = spoilt;
}

// --- faults ---

void FakeWeb::fail_all(std::optional<Errc> code) {
  const std::lock_guard lock(mutex_);
  fail_all_ = code;
}

void FakeWeb::fail(const std::string& path, Errc code, unsigned times) {
  const std::lock_guard lock(mutex_);
  failures_[path] = {code, times};
}

void FakeWeb::break_off(const std::string& path, std::uint64_t after, unsigned times) {
  const std::lock_guard lock(mutex_);
  breaks_[path] = {after, times};
}

void FakeWeb::hold() {
  const std::lock_guard lock(mutex_);
  held_ = true;
}

bool FakeWeb::wait_until_held() const {
  std::unique_lock lock(mutex_);
  return moved_.wait_for(lock, kPatience, [&] { return !answering_; });
}

void FakeWeb::release() {
  {
    const std::lock_guard lock(mutex_);
    held_ = false;
  }
  moved_.notify_all();
}

// --- what was asked ---

void FakeWeb::note(const std::string& request) {
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  moved_.notify_all();
}

std::vector<std::string> FakeWeb::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

std::size_t FakeWeb::count(const std::string& prefix) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(
      requests_.begin(), requests_.end(), [&](const auto& r) { return r.starts_with(prefix); }));
}

bool FakeWeb::wait_for(const std::string& prefix, std::size_t n) const {
  std::unique_lock lock(mutex_);
  return moved_.wait_for(lock, kPatience, [&] {
    return static_cast<std::size_t>(
               std::count_if(requests_.begin(), requests_.end(),
                             [&](const auto& r) { return r.starts_with(prefix); })) >= n;
  });
}

// --- answers; under the lock ---

std::optional<Error> FakeWeb::failure(const std::string& path) {
  if (fail_all_) return Error{*fail_all_, "the fake origin is out of order", 0};
  const auto it = failures_.find(path);
  if (it == failures_.end() || it->second.second == 0) return std::nullopt;
  --it->second.second;
  return Error{it->second.first, "a fault was asked for", 0};
}

Version FakeWeb::version_of(const WebFile& file) const {
  Version v{file.size, "", std::nullopt};
  if (file.etag) v.etag = "\"v" + std::to_string(file.version) + "\"";
  if (file.last_modified) v.last_modified = 1'700'000'000 + static_cast<int>(file.version) * 3600;
  return v;
}

std::string FakeWeb::render(const std::string& directory) const {
  if (style_ == Style::bare) return render_bare(directory);
  std::string html = "<html><head><title>Index of " + directory +
                     "</title></head>\n<body>\n<h1>Index of " + directory +
                     "</h1><hr><pre><a href=\"../\">../</a>\n";
  const bool exact = style_ == Style::exact;
  const auto line = [&](const std::string& name, const std::string& rest) {
    html += "<a href=\"" + name + "\">" + name + "</a>" + (exact ? rest : "") + "\n";
  };
  for (const auto& name : directories_in(directory)) {
    line(name + "/", "     14-Nov-2023 22:13       -");
  }
  for (const auto& [path, file] : files_) {
    if (parent_of(path) != directory) continue;
    const std::string hour = std::to_string(file.version % 10);
    line(path.substr(directory.size()),
         "     14-Nov-2023 0" + hour + ":13       " + std::to_string(file.size));
  }
  return html + "</pre><hr></body></html>\n";
}

std::string FakeWeb::render_bare(const std::string& directory) const {
  std::string html = "<!DOCTYPE html>\n<TITLE>Index of " + directory + "</TITLE>\n<H2>Index of " +
                     directory + "</H2>\n<UL>\n<LI><A HREF=\"..\">Parent Directory</A>";
  const auto line = [&](const std::string& name) {
    html += "<LI><A HREF=\"" + name + "\">" + name + "</A>";
  };
  for (const auto& name : directories_in(directory)) line(name);
  for (const auto& [path, file] : files_) {
    if (parent_of(path) == directory) line(path.substr(directory.size()));
  }
  return html + "</UL>\n";
}

std::vector<std::string> FakeWeb::directories_in(const std::string& directory) const {
  std::vector<std::string> names;
  for (const auto& d : directories_) {
    if (d.size() <= directory.size() || !d.starts_with(directory)) continue;
    const std::string name = d.substr(directory.size(), d.size() - directory.size() - 1);
    if (name.find('/') == std::string::npos) names.push_back(name);
  }
  return names;
}

Result<ListingReply> FakeWeb::listing(const ListRequest& request) {
  const Url& url = request.directory;
  std::string path = decoded(url);
  if (!path.ends_with('/')) path += '/';
  const std::lock_guard lock(mutex_);
  if (auto error = failure(path)) return lazymirror::fail(*error);
  if (!directories_.contains(path)) return lazymirror::fail(Errc::not_found, "404");
  ListingReply reply{spoilt_ ? "<html><body>Sorry</body></html>" : render(path), "text/html", url,
                     max_age_};
  if (!marks_) return reply;
  reply.validator.etag = *marks_;
  reply.unchanged = request.known.etag == *marks_;
  if (reply.unchanged) reply.body.clear();
  return reply;
}

Result<ProbeReply> FakeWeb::head(const Url& url) {
  const std::string path = decoded(url);
  const std::lock_guard lock(mutex_);
  if (auto error = failure(path)) return lazymirror::fail(*error);
  if (directories_.contains(path + "/")) return ProbeReply{true, {}};
  const auto file = files_.find(path);
  if (file == files_.end()) return lazymirror::fail(Errc::not_found, "404");
  return ProbeReply{false, version_of(file->second)};
}

Result<FakeWeb::Body> FakeWeb::body(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto error = failure(path)) return lazymirror::fail(*error);
  const auto file = files_.find(path);
  if (file == files_.end()) return lazymirror::fail(Errc::not_found, "404");
  const auto text = texts_.find(path);
  return Body{path, version_of(file->second), file->second.version,
              text == texts_.end() ? "" : text->second};
}

std::uint64_t FakeWeb::break_of(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto it = breaks_.find(path);
  if (it == breaks_.end() || it->second.second == 0) return UINT64_MAX;
  --it->second.second;
  return it->second.first;
}

// --- the origin ---

class FakeOrigin final : public Origin {
 public:
  FakeOrigin(std::shared_ptr<FakeWeb> web, unsigned capacity)
      : web_(std::move(web)), capacity_(capacity), thread_([this] { work(); }) {}
  ~FakeOrigin() override {
    {
      const std::lock_guard lock(web_->mutex_);
      stopping_ = true;
    }
    web_->moved_.notify_all();
    thread_.join();
  }

  TransferId list(ListRequest request, Completion<ListingReply> done) override {
    web_->note("LIST " + decoded(request.directory) + (request.past_caches ? " anew" : "") +
               (request.known.any() ? " if not " + request.known.etag : ""));
    return add([this, request = std::move(request), done = std::move(done)](
                   bool cancelled) mutable { done(cancelled ? ended() : web_->listing(request)); });
  }

  TransferId probe(const Url& url, SteadyTime, Completion<ProbeReply> done) override {
    web_->note("HEAD " + decoded(url));
    return add([this, url, done = std::move(done)](bool cancelled) mutable {
      done(cancelled ? ended() : web_->head(url));
    });
  }

  TransferId read(RangeRequest request, std::shared_ptr<RangeSink> sink) override {
    const std::string path = decoded(request.url);
    web_->note("GET " + path + " " +
               (request.whole_file ? "whole"
                                   : std::to_string(request.range.begin) + "-" +
                                         std::to_string(request.range.end)));
    return add([this, request = std::move(request), path, sink = std::move(sink)](bool cancelled) {
      sink->on_end(cancelled ? Result<>(ended()) : send(request, path, *sink));
    });
  }

  void cancel(TransferId id) override {
    const std::lock_guard lock(web_->mutex_);
    for (auto& job : jobs_) job.cancelled = job.cancelled || job.id == id;
    web_->moved_.notify_all();
  }

  unsigned capacity() const override { return capacity_; }

  void set_offline(bool offline) override {
    {
      const std::lock_guard lock(web_->mutex_);
      offline_ = offline;
    }
    web_->moved_.notify_all();
  }

  bool is_away() const override {
    const std::lock_guard lock(web_->mutex_);
    return web_->away_;
  }

 private:
  struct Job {
    TransferId id = 0;
    UniqueFunction<void(bool)> run;
    bool cancelled = false;
  };

  // The network thread is told: under the lock.
  Failure ended() {
    const std::lock_guard lock(web_->mutex_);
    if (offline_) return fail(Errc::unreachable, "offline");
    return fail(Errc::cancelled, "ended");
  }

  TransferId add(UniqueFunction<void(bool)> run) {
    TransferId id = 0;
    {
      const std::lock_guard lock(web_->mutex_);
      id = next_id_++;
      jobs_.push_back({id, std::move(run), false});
    }
    web_->moved_.notify_all();
    return id;
  }

  void work() {
    std::unique_lock lock(web_->mutex_);
    for (;;) {
      web_->moved_.wait(lock, [&] {
        const bool go = !web_->held_ || offline_;
        return stopping_ || (!jobs_.empty() && (go || jobs_.front().cancelled));
      });
      if (jobs_.empty()) return;
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      const bool cancelled = job.cancelled || stopping_ || offline_;
      web_->answering_ = true;
      lock.unlock();
      job.run(cancelled);
      job.run = nullptr;
      lock.lock();
      web_->answering_ = false;
      web_->moved_.notify_all();
    }
  }

  Result<> send(const RangeRequest& request, const std::string& path, RangeSink& sink) {
    const auto body = web_->body(path);
    if (!body) return fail(body.error());
    const Version& v = body->version;
    if (request.expected) {
      const bool same = request.expected->has_validator() ? same_version(*request.expected, v)
                                                          : request.expected->size == v.size;
      if (!same) {
        sink.on_other_version(v);
        return fail(Errc::changed, "another version");
      }
    }
    const bool whole = request.whole_file || !ranges();
    const ByteRange range = whole ? ByteRange{0, v.size} : request.range.intersect({0, v.size});
    if (!v.has_validator() && range.size() < v.size) return fail(Errc::no_ranges, "no validator");
    if (auto r = sink.on_start(v, range); !r) return r;
    return stream(*body, range, sink);
  }

  Result<> stream(const FakeWeb::Body& body, ByteRange range, RangeSink& sink) {
    std::vector<std::byte> piece(kPiece);
    const std::uint64_t break_at = web_->break_of(body.path);
    for (std::uint64_t at = range.begin; at < range.end;) {
      if (at - range.begin >= break_at) return fail(Errc::unreachable, "broken off");
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, range.end - at));
      oracle_fill(body.path, body.number, at, std::span(piece).first(n));
      if (!body.text.empty()) std::memcpy(piece.data(), body.text.data() + at, n);
      if (auto r = sink.on_bytes(at, std::span(piece).first(n)); !r) return r;
      at += n;
    }
    return {};
  }

  bool ranges() const {
    const std::lock_guard lock(web_->mutex_);
    return web_->ranges_;
  }

  const std::shared_ptr<FakeWeb> web_;
  const unsigned capacity_;
  TransferId next_id_ = 1;  // with the web's lock, as are the next two
  std::deque<Job> jobs_;
  bool stopping_ = false, offline_ = false;
  std::thread thread_;
};

std::unique_ptr<Origin> FakeWeb::origin(std::shared_ptr<FakeWeb> web, unsigned capacity) {
  return std::make_unique<FakeOrigin>(std::move(web), capacity);
}

}  // namespace lazymirror::testing
