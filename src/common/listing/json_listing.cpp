// SPDX-License-Identifier: Apache-2.0
#include "listing/json_listing.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "listing/entry_collector.h"
#include "listing/link_judge.h"
#include "listing/time_text.h"

namespace lazymirror {
namespace {

struct Object {
  std::string name, url, type, time;
  std::optional<std::uint64_t> size;
  std::optional<bool> is_directory;
};

// SAX, so that 64 MiB of JSON do not become a tree of it. Level 1 is the array,
// level 2 its objects; what they contain beyond scalars is passed over.
class EntryReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  EntryReader(const Url& base, std::size_t max_entries)
      : judge_(base, true), collector_(max_entries) {}

  Result<Listing> finish() {
    if (collector_.overflown()) return fail(Errc::bad_reply, "the listing has too many entries");
    if (unusable_) return fail(Errc::bad_reply, "the JSON is not a directory listing");
    return std::move(collector_.listing());
  }

  bool null() override { return scalar(); }
  bool boolean(bool value) override {
    if (level_ == 2 && key_ == "is_dir") object_.is_directory = value;
    return scalar();
  }
  bool number_integer(number_integer_t) override { return scalar(); }
  bool number_unsigned(number_unsigned_t value) override {
    const bool fits = value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (level_ == 2 && key_ == "size" && fits) object_.size = value;
    return scalar();
  }
  bool number_float(number_float_t, const string_t&) override { return scalar(); }
  bool string(string_t& value) override {
    if (level_ != 2) return scalar();
    if (key_ == "name") object_.name = std::move(value);
    if (key_ == "url") object_.url = std::move(value);
    if (key_ == "type") object_.type = std::move(value);
    if (key_ == "mtime" || key_ == "mod_time") object_.time = std::move(value);
    return true;
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    if (level_ == 1) object_ = {};
    return level_ >= 1 && ++level_ <= kMaxLevel;
  }
  bool end_object() override { return --level_ != 1 || add(); }
  bool start_array(std::size_t) override { return level_ != 1 && ++level_ <= kMaxLevel; }
  bool end_array() override {
    --level_;
    return true;
  }
  bool key(string_t& value) override {
    if (level_ == 2) key_ = std::move(value);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  static constexpr int kMaxLevel = 16;

  // Entries are objects.
  [[nodiscard]] bool scalar() const { return level_ >= 2; }

  [[nodiscard]] EntryKind kind(const Link& link) const {
    if (object_.type == "directory" || object_.is_directory.value_or(false)) {
      return EntryKind::directory;
    }
    if (link.directory) return EntryKind::directory;
    const bool file = object_.type == "file" || object_.is_directory.has_value();
    return file ? EntryKind::file : EntryKind::unknown;
  }

  bool add() {
    if (object_.name.empty()) return false;
    // Caddy's name has lost what was not UTF-8; its url has not. nginx has no
    // url, and its name is the file's.
    Link link{LinkKind::child, {}, false};
    if (object_.url.empty()) {
      link.segment = encode_segment(object_.name);
    } else {
      link = judge_.judge(object_.url);
    }
    if (link.kind == LinkKind::refused) collector_.count_refused();
    if (link.kind != LinkKind::child) {
      unusable_ = unusable_ || link.kind != LinkKind::refused;
      return true;
    }
    const auto time = parse_time_text(object_.time);
    const EntryKind as = kind(link);
    collector_.add(std::move(link.segment), as, object_.size,
                   time ? std::optional(time->time) : std::nullopt);
    return !collector_.overflown();
  }

  LinkJudge judge_;
  EntryCollector collector_;
  Object object_;
  std::string key_;
  int level_ = 0;
  bool unusable_ = false;
};

}  // namespace

Result<Listing> parse_json_listing(const ListingPage& page, const ListingLimits& limits) {
  EntryReader reader(page.base, limits.max_entries);
  const bool complete = nlohmann::json::sax_parse(page.body.begin(), page.body.end(), &reader);
  auto listing = reader.finish();
  if (listing && !complete) {
    return fail(Errc::bad_reply, "the JSON is not a directory listing, or not UTF-8, or cut off");
  }
  return listing;
}

}  // namespace lazymirror
