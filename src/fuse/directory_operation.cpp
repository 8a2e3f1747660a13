// SPDX-License-Identifier: Apache-2.0
//
// READDIR and READDIRPLUS. A position is the id of the entry before it, plus
// one; ids ascend within a listing and are never reused, so a listing that is
// refreshed meanwhile neither repeats nor loses an entry that stays.
#include <algorithm>
#include <memory>
#include <vector>

#include "fuse/filesystem.h"

namespace lazymirror::fuse {
namespace {

constexpr std::uint64_t kAfterDot = 1;
constexpr std::uint64_t kAfterDotDot =
    2;  // ids of items are 2 and more: their positions 3 and more

// One answer being written.
class Stream {
 public:
  Stream(Filesystem& fs, std::size_t size, bool plus)
      : fs_(fs), plus_(plus), size_(size), buffer_(std::make_unique_for_overwrite<char[]>(size)) {}

  // False when there is no more room.
  bool add_dot(const char* name, EntryId id, std::uint64_t position) {
    return add(name, id, EntryKind::directory, position, nullptr);
  }
  bool add_item(const DirectoryView::Item& item) {
    return add(item.name.c_str(), item.id, item.kind, item.id + 1,
               item.attributes ? &*item.attributes : nullptr);
  }

  // The kernel that does not take the answer holds no lookups of it either.
  void answer(Reply reply) {
    const int result =
        reply.with([&](fuse_req_t req) { return fuse_reply_buf(req, buffer_.get(), used_); });
    if (result == 0) return;
    for (const NodeId node : looked_up_) fs_.nodes.forget(node, 1);
  }

 private:
  bool add(const char* name, EntryId id, EntryKind kind, std::uint64_t position,
           const Attributes* attributes) {
    char* const at = buffer_.get() + used_;
    const std::size_t room = size_ - used_;
    const std::size_t need = plus_ ? fuse_add_direntry_plus(nullptr, nullptr, 0, name, nullptr, 0)
                                   : fuse_add_direntry(nullptr, nullptr, 0, name, nullptr, 0);
    if (need > room) return false;
    const auto next = static_cast<off_t>(position);
    if (plus_) {
      const fuse_entry_param entry = entry_for(id, kind, attributes);
      fuse_add_direntry_plus(nullptr, at, room, name, &entry, next);
    } else {
      struct stat st {};
      st.st_ino = id;
      st.st_mode = type_bits(kind);
      fuse_add_direntry(nullptr, at, room, name, &st, next);
    }
    used_ += need;
    return true;
  }

  // Node 0: the kernel looks the name up itself when it needs more than its
  // type. So for the dots (which it never links) and for unknown sizes.
  fuse_entry_param entry_for(EntryId id, EntryKind kind, const Attributes* attributes) {
    if (attributes == nullptr) {
      fuse_entry_param entry{};
      entry.attr.st_ino = id;
      entry.attr.st_mode = type_bits(kind);
      return entry;
    }
    const Attributes form = fs_.form(*attributes);
    looked_up_.push_back(fs_.nodes.look_up(form));
    return fs_.entry(form, looked_up_.back());
  }

  Filesystem& fs_;
  const bool plus_;
  const std::size_t size_;
  std::size_t used_ = 0;
  std::unique_ptr<char[]> buffer_;
  std::vector<NodeId> looked_up_;
};

void write_view(Stream& stream, const DirectoryView& view, std::uint64_t position) {
  if (position < kAfterDot && !stream.add_dot(".", view.id, kAfterDot)) return;
  if (position < kAfterDotDot && !stream.add_dot("..", view.parent, kAfterDotDot)) return;
  auto item = std::lower_bound(
      view.items.begin(), view.items.end(), position,
      [](const DirectoryView::Item& left, std::uint64_t right) { return left.id + 1 <= right; });
  for (; item != view.items.end(); ++item) {
    if (!stream.add_item(*item)) return;
  }
}

}  // namespace

void start_directory_read(Filesystem& fs, Reply reply, NodeId node, std::size_t size,
                          std::uint64_t position, bool plus) {
  const auto directory = fs.nodes.find(node);
  if (!directory) return reply.error(ESTALE);
  const auto parked = Parked::park(std::move(reply));
  if (parked == nullptr) return;
  const EntryId id = directory->id;
  fs.engine.list(id, fs.context(),
                 [self = fs.shared_from_this(), ticket = parked->ticket(), id, node,
                  size = std::min<std::size_t>(size, 1U << 20U), position,
                  plus](Result<std::shared_ptr<const DirectoryView>> view) mutable {
                   auto answer = ticket.take();
                   if (!answer) return;
                   if (!view) return answer->error(self->logged_errno("list", id, view.error()));
                   Stream stream(*self, size, plus);
                   write_view(stream, **view, position);
                   self->nodes.mark(node, NodeTable::Mark::listed);
                   stream.answer(std::move(*answer));
                 });
}

}  // namespace lazymirror::fuse
