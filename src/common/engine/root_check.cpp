// SPDX-License-Identifier: Apache-2.0
#include "engine/root_check.h"

#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lazymirror {
namespace {

std::string_view remedy_for(Errc code) {
  switch (code) {
    case Errc::not_found:
      return "check the path of the URL; it has to be a directory that the server lists";
    case Errc::denied:
      return "check the user name and password (--username, --netrc) or ask for access";
    case Errc::timeout:
    case Errc::unreachable:
      return "check the address, the network and the proxy; with something in the cache the tree "
             "would be shown from there";
    case Errc::bad_reply:
      return "the server must show a directory listing at this URL (nginx: autoindex on; Apache: "
             "Options +Indexes)";
    default: return "";
  }
}

Error with_remedy(Error error, const Url& root) {
  const std::string_view remedy = remedy_for(error.code);
  // The origin's own errors begin like this already; those of waiters do not.
  const std::string what = "cannot list " + root.str();
  if (!error.message.starts_with(what)) error = with_context(std::move(error), what);
  if (!remedy.empty()) error.message.append("; ").append(remedy);
  return error;
}

Result<> load_root(const Parts& parts, DirectoryLoader& loader, Duration timeout) {
  auto answer = std::make_shared<std::promise<Result<>>>();
  auto loaded = answer->get_future();
  // Not patient: what is wrong is to be told soon.
  loader.reload(kRootId, {Priority::demand, parts.clock.now() + timeout}, {},
                [answer](Result<> result) { answer->set_value(std::move(result)); });
  return loaded.get();  // comes: the waiter has a deadline
}

}  // namespace

Result<Engine::StartCheck> check_root(const Parts& parts, DirectoryLoader& loader,
                                      Duration timeout) {
  const auto state = parts.cache.catalog().directory(kRootId);
  if (parts.uplink.is_offline() && state && state->listed) {
    return Engine::StartCheck{true, "lazymirror is offline, as it was told to be"};
  }
  auto loaded = load_root(parts, loader, timeout);
  if (loaded) return Engine::StartCheck{};
  if (state && state->listed && loaded.error().code != Errc::cancelled) {
    return Engine::StartCheck{true, std::move(loaded.error().message)};
  }
  return fail(with_remedy(std::move(loaded.error()), parts.options.url.as_directory()));
}

}  // namespace lazymirror
