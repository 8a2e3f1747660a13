// SPDX-License-Identifier: Apache-2.0
#include "cli/control_commands.h"

#include <unistd.h>

namespace lazymirror::cli {
namespace {

using control::Message;

Result<> evict(fanotify::Evictor& evictor, const Message& request) {
  const auto text = control::text_of(request, "path");
  if (!text) return fail(text.error());
  const auto path = control::decode_path(*text);
  if (!path) return fail(path.error());
  if (path->empty()) return fail(Errc::is_a_directory, "that is the whole tree: name files");
  return evictor.evict(*path);
}

Result<Message> status(Engine& engine, const std::string& source) {
  const auto usage = engine.usage();
  if (!usage) return fail(usage.error());
  const auto number = [](std::uint64_t n) { return static_cast<std::int64_t>(n); };
  return Message{{"ok", true},
                 {"source", source},
                 {"mode", std::string("in place")},
                 {"pid", std::int64_t{::getppid()}},
                 {"worker_pid", std::int64_t{::getpid()}},
                 {"entries", number(usage->entries)},
                 {"bytes_total", number(usage->bytes_total)},
                 {"bytes_free", number(usage->bytes_free)},
                 {"bytes_available", number(usage->bytes_available)}};
}

}  // namespace

std::string control_socket(const std::string& cache_directory) {
  return cache_directory + "/meta/control";
}

Message evict_request(const std::string& path) {
  return {{"command", std::string("evict")}, {"path", control::encode_path(path)}};
}

control::Handlers control_handlers(Engine& engine, fanotify::Evictor& evictor,
                                   const std::string& source) {
  return {{"evict",
           [&evictor](const Message& request) -> Result<Message> {
             if (auto r = evict(evictor, request); !r) return fail(r.error());
             return Message{{"ok", true}};
           }},
          {"status", [&engine, source](const Message&) { return status(engine, source); }}};
}

}  // namespace lazymirror::cli
