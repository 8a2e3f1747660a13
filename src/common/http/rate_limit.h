// SPDX-License-Identifier: Apache-2.0
//
// A bandwidth limit over all transfers: a bucket that fills at the rate and
// may be overdrawn by what one look at the network brings; nobody reads from
// the network until that is paid back. Pure; not synchronised.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace lazymirror {

class RateLimit {
 public:
  // What may be saved up while little is read: so much time's worth.
  static constexpr Duration kBurst{100};

  explicit RateLimit(std::uint64_t bytes_per_second);  // 0: no limit

  [[nodiscard]] bool is_set() const { return rate_ > 0; }
  void took(std::size_t bytes, SteadyTime now);
  // How long nothing more is to be read.
  [[nodiscard]] Duration wait(SteadyTime now);

 private:
  void fill(SteadyTime now);

  double rate_;  // bytes per ms
  double level_ = 0;
  SteadyTime filled_{};
};

}  // namespace lazymirror
