// SPDX-License-Identifier: Apache-2.0
//
// Which small files are fetched before somebody opens them: a pure function of
// the files that were used and of what the tree tells.
//
// A use that nothing predicted opens a stream for each order in which it could
// go on. A stream whose files are used one after the other fetches ahead, twice
// as far as it has come; one that is left out resets it. How many bytes may lie
// there unused is bounded by a credit: a tenth of the bytes that were used, a
// little to begin with, less what was fetched in vain. So guesses cost a tenth
// of the whole whatever is read, and a reader who goes on is worth more of them.
// Readers beside each other share the credit, or the far guesses of one would
// leave nothing for the near ones of the others.
//
// Leaving a directory upwards is expected of those who did so before; of others
// a few files are fetched beyond.
//
// Not synchronised.
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <unordered_map>
#include <vector>

namespace lazymirror {

class SiblingPrefetch {
 public:
  using Id = std::uint64_t;  // of a file

  // Both depth first. By listing: names as the origin lists them, directories
  // among them. By name: the files of a directory before its subdirectories.
  enum class Order { listing, name };

  struct File {
    Id id = 0;
    std::uint64_t size = 0;
    bool wanted = false;  // small, and not there yet
    int level = 0;        // depth of the topmost directory come through since the one before
  };
  class Tree {
   public:
    virtual ~Tree() = default;
    // What follows a file; less than `limit` where no more is known. `sure`: somebody
    // will come there, so what is not known is worth being asked for.
    virtual std::vector<File> following(Order order, Id file, std::size_t limit, bool sure) = 0;
  };

  static constexpr std::size_t kMostAhead = 1024;
  static constexpr std::size_t kBeyond = 4;  // files, outside of where the stream has been
  static constexpr std::uint64_t kFirstCredit = 1u << 20, kMostCredit = 8u << 20;
  static constexpr std::uint64_t kShare = 10;          // one unused byte in so many used ones
  static constexpr std::uint64_t kRequestCost = 1024;  // of a file besides its bytes
  static constexpr std::uint64_t kLively = 64;         // uses: a stream that had one of them

  explicit SiblingPrefetch(Tree& tree) : tree_(tree) {}

  // A file is used (opened or read) for the first time in a while; `missing`:
  // and had to be fetched for it. What to fetch, soonest needed first.
  [[nodiscard]] std::vector<Id> on_use(Id file, std::uint64_t size, bool missing);

  [[nodiscard]] std::size_t unused() const { return unused_.size(); }

 private:
  struct Expected {
    File file;
    bool hinted = false;
    bool used = false;
  };
  struct Stream {
    Stream(Order by, Id from) : order(by), last(from) {}

    const Order order;
    Id last;  // where `expected` ends
    std::deque<Expected> expected;
    std::unordered_map<Id, std::uint64_t> places;  // in `expected`, plus `gone`
    std::uint64_t gone = 0;                        // taken off the front so far
    std::size_t looked_at = 0;                     // of `expected`, for hints
    std::size_t run = 0;                           // used in a row
    std::size_t ahead = 0;                         // hinted and not used,
    std::uint64_t ahead_cost = 0;                  // and what they cost
    std::uint64_t used_at = 0;                     // by uses_
    int level = INT_MAX;                           // topmost directory it came through,
    int level_ahead = INT_MAX;                     // and that it may come through
  };
  static constexpr std::size_t kStreams = 32;
  static constexpr std::size_t kProbe = 16;     // files expected of a new stream
  static constexpr std::size_t kSure = 8;       // used in a row: it will go on
  static constexpr std::size_t kFarthest = 64;  // over what is there already, or as far as it came
  static constexpr std::size_t kSlack = 16;     // so far out of order several readers are

  void open_streams(Id file);
  [[nodiscard]] std::size_t nearest(Id file) const;
  static void mark_used(Stream& stream, std::size_t at);
  void advance(Stream& stream, std::size_t at);
  void drop_front(Stream& stream);
  void extend(Stream& stream);
  void look_ahead(Stream& stream, std::vector<Id>& hints);
  [[nodiscard]] static std::uint64_t cost_of(const File& file) { return file.size + kRequestCost; }
  [[nodiscard]] std::uint64_t share() const;
  [[nodiscard]] bool afford(const Stream& stream, const File& file, std::uint64_t share) const;
  static void settle(Stream& stream, const Expected& hinted);
  [[nodiscard]] static std::size_t window(const Stream& stream);
  void waste(Id file);

  Tree& tree_;
  std::list<Stream> streams_;                     // most recently used first
  std::unordered_map<Id, std::uint64_t> unused_;  // hinted: what each costs
  std::uint64_t unused_bytes_ = 0;
  std::uint64_t credit_ = kFirstCredit;
  std::uint64_t uses_ = 0;
};

}  // namespace lazymirror
