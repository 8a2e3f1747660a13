// SPDX-License-Identifier: Apache-2.0
#include "fetch/fill_plan.h"

#include <algorithm>

namespace lazymirror {
namespace {

class Planner {
 public:
  Planner(std::span<const ByteRange> pending, std::uint64_t max_request)
      : pending_(pending), max_request_(max_request) {}

  void add(const Need& need, bool jump) {
    ByteRange rest = need.missing;
    if (jump && !need.widened()) rest = jump_ahead(rest);
    while (!rest.empty()) rest = need.widened() ? whole(need, rest) : ranged(rest);
  }

  FillPlan take() {
    auto& used = plan_.depends_on;
    std::sort(used.begin(), used.end());
    used.erase(std::unique(used.begin(), used.end()), used.end());
    return std::move(plan_);
  }

 private:
  [[nodiscard]] const ByteRange* covering(std::uint64_t offset) const {
    const auto found = std::find_if(pending_.begin(), pending_.end(),
                                    [&](const ByteRange& p) { return p.contains(offset); });
    return found == pending_.end() ? nullptr : &*found;
  }

  [[nodiscard]] bool requested(std::uint64_t offset) const {
    return std::any_of(plan_.start.begin(), plan_.start.end(),
                       [&](ByteRange r) { return r.contains(offset); });
  }

  // The first offset of `range` that some transfer will bring, or its end.
  [[nodiscard]] std::uint64_t next_covered(ByteRange range) const {
    std::uint64_t next = range.end;
    for (const auto& p : pending_) {
      if (p.contains(range.begin)) continue;
      if (p.begin > range.begin) next = std::min(next, p.begin);
    }
    return next;
  }

  ByteRange skip(const ByteRange& by, ByteRange rest) {
    plan_.depends_on.push_back(static_cast<std::size_t>(&by - pending_.data()));
    return {std::min(by.end, rest.end), rest.end};
  }

  // The range's end, moved back to where a slice ends.
  [[nodiscard]] static std::uint64_t whole_slices(ByteRange range) {
    const std::uint64_t end = range.end - range.end % kSlice;
    return end > range.begin ? end : range.end;
  }

  ByteRange ranged(ByteRange rest) {
    if (const auto* by = covering(rest.begin)) return skip(*by, rest);
    std::uint64_t end = next_covered(rest);
    if (end - rest.begin > max_request_ + max_request_ / 8) {
      end = whole_slices({rest.begin, rest.begin + max_request_});
    }
    plan_.start.push_back({rest.begin, end});
    return {end, rest.end};
  }

  ByteRange whole(const Need& need, ByteRange rest) {
    if (const auto* by = covering(rest.begin)) return skip(*by, rest);
    if (!requested(rest.begin)) plan_.start.push_back(need.request);
    return {rest.end, rest.end};
  }

  // Does not depend on a transfer that would take long to get here.
  ByteRange jump_ahead(ByteRange rest) {
    for (const auto& p : pending_) {
      if (p.contains(rest.begin) && rest.begin - p.begin <= kFarAhead) return rest;
    }
    if (covering(rest.begin) == nullptr) return rest;
    std::uint64_t end = rest.end;
    if (rest.size() > max_request_) end = whole_slices({rest.begin, rest.begin + max_request_});
    plan_.start.push_back({rest.begin, end});
    return {end, rest.end};
  }

  std::span<const ByteRange> pending_;
  std::uint64_t max_request_;
  FillPlan plan_;
};

}  // namespace

FillPlan plan_fill(std::span<const Need> needs, std::span<const ByteRange> pending,
                   std::uint64_t max_request, bool urgent) {
  Planner planner(pending, max_request);
  for (const Need& need : needs) planner.add(need, urgent && &need == needs.data());
  return planner.take();
}

}  // namespace lazymirror
