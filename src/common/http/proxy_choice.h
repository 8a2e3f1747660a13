// SPDX-License-Identifier: Apache-2.0
//
// Which of several proxies is asked through: the first that can be reached. One
// that could not be is passed over for a while, then tried again, so that the
// first is gone back to. Pure; not synchronised.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace lazymirror {

class ProxyChoice {
 public:
  static constexpr Duration kPassedOver{300'000};

  ProxyChoice() = default;  // none: the environment decides
  // "URL[,URL...]"; "direct" stands for no proxy. Errc::invalid.
  [[nodiscard]] static Result<ProxyChoice> parse(std::string_view list);

  // Which to use now, as CURLOPT_PROXY has it: "" is none at all. Nothing: the
  // environment decides.
  [[nodiscard]] std::optional<std::string> current(SteadyTime now) const;
  // Nobody could be reached through it. True: current() is another one, which has
  // not failed.
  bool failed(const std::string& proxy, SteadyTime now);
  void worked(const std::string& proxy);

 private:
  struct Proxy {
    std::string url;
    std::optional<SteadyTime> failed;
  };
  [[nodiscard]] static bool is_usable(const Proxy& proxy, SteadyTime now);

  std::vector<Proxy> proxies_;
};

}  // namespace lazymirror
