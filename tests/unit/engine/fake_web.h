// SPDX-License-Identifier: Apache-2.0
//
// An Origin without a network: a tree of files whose bytes are the oracle's,
// answered from a thread of its own by the rules of http/origin.h. The test
// changes the tree, holds answers back, breaks them off and counts.
//
// Threads: safe from any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "http/origin.h"

namespace lazymirror::testing {

struct WebFile {
  std::uint64_t size = 0;
  std::uint64_t version = 1;
  bool etag = true;
  bool last_modified = true;
};

class FakeWeb {
 public:
  // exact: sizes as nginx prints them; names_only: as Python's http.server;
  // bare: nor is told what is a directory, as by h2o.
  enum class Style { exact, names_only, bare };

  static Url root() { return *Url::parse("http://origin.test/"); }

  void put(const std::string& path, WebFile file);                  // parents as needed
  void put_text(const std::string& path, const std::string& text);  // of these bytes
  void make_directory(const std::string& path);
  void remove(const std::string& path);
  void touch(const std::string& path);  // the next version
  void set_style(Style style);
  void set_ranges(bool supported);
  void set_max_age(std::optional<Duration> max_age);
  void mark_listings(std::optional<std::string> etag);  // the ETag of all of them
  void set_away(bool away);                             // as Origin::is_away()
  void spoil_listings(bool spoilt);                     // an error page in their place

  void fail_all(std::optional<Errc> code);  // every request, from now on
  void fail(const std::string& path, Errc code, unsigned times = 1);
  void break_off(const std::string& path, std::uint64_t after,
                 unsigned times = 1);          // the next bodies
  void hold();                                 // no answers
  [[nodiscard]] bool wait_until_held() const;  // the one under way has ended
  void release();

  // "LIST /a/", "LIST /a/ if not TAG", "LIST /a/ anew", "HEAD /a", "GET /a 0-65536", "GET /a
  // whole", in order of arrival.
  [[nodiscard]] std::vector<std::string> requests() const;
  [[nodiscard]] std::size_t count(const std::string& prefix) const;
  [[nodiscard]] bool wait_for(const std::string& prefix, std::size_t n) const;

  [[nodiscard]] static std::unique_ptr<Origin> origin(std::shared_ptr<FakeWeb> web,
                                                      unsigned capacity = 8);

 private:
  friend class FakeOrigin;

  struct Body {
    std::string path;
    Version version;
    std::uint64_t number = 0;
    std::string text = {};  // in place of the oracle's bytes
  };

  void note(const std::string& request);
  std::optional<Error> failure(const std::string& path);
  Result<ListingReply> listing(const ListRequest& request);
  Result<ProbeReply> head(const Url& url);
  Result<Body> body(const std::string& path);
  std::uint64_t break_of(const std::string& path);
  [[nodiscard]] Version version_of(const WebFile& file) const;
  [[nodiscard]] std::string render(const std::string& directory) const;
  [[nodiscard]] std::string render_bare(const std::string& directory) const;
  [[nodiscard]] std::vector<std::string> directories_in(const std::string& directory) const;

  mutable std::mutex mutex_;
  mutable std::condition_variable moved_;
  std::map<std::string, WebFile> files_;
  std::map<std::string, std::string> texts_;
  std::set<std::string> directories_{"/"};
  Style style_ = Style::exact;
  bool ranges_ = true, spoilt_ = false, held_ = false, answering_ = false, away_ = false;
  std::optional<std::string> marks_;
  std::optional<Duration> max_age_;
  std::optional<Errc> fail_all_;
  std::map<std::string, std::pair<Errc, unsigned>> failures_;
  std::map<std::string, std::pair<std::uint64_t, unsigned>> breaks_;
  std::vector<std::string> requests_;
};

}  // namespace lazymirror::testing
