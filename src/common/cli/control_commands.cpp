// SPDX-License-Identifier: Apache-2.0
#include "cli/control_commands.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

namespace lazymirror::cli {
namespace {

using control::Asker;
using control::Message;

// "path", as an entry.
Result<EntryId> entry_of(Engine& engine, const Message& request) {
  const auto text = control::text_of(request, "path");
  if (!text) return fail(text.error());
  const auto path = control::decode_path(*text);
  if (!path) return fail(path.error());
  return engine.find(*path);
}

Result<Message> evict(const ServedTree& tree, const Message& request) {
  const auto id = entry_of(tree.engine, request);
  if (!id) return fail(id.error());
  if (*id == kRootId) return fail(Errc::is_a_directory, "that is the whole tree: name files");
  const auto evicted = tree.evict ? tree.evict(*id) : tree.engine.storage().evict(*id);
  if (!evicted) return fail(evicted.error());
  return Message{{"ok", true}};
}

Result<Message> status(const ServedTree& tree) {
  const auto usage = tree.engine.usage();
  if (!usage) return fail(usage.error());
  return Message{{"ok", true},
                 {"source", tree.source},
                 {"mode", tree.mode},
                 {"cache", control::encode_path(tree.cache_directory)},
                 {"pid", tree.pid},
                 {"worker_pid", ::getpid()},
                 {"entries", usage->entries},
                 {"bytes_total", usage->bytes_total},
                 {"bytes_free", usage->bytes_free},
                 {"bytes_available", usage->bytes_available}};
}

}  // namespace

std::string control_socket(const std::string& cache_directory) {
  return cache_directory + "/meta/control";
}

Message evict_request(const std::string& path) {
  return {{"command", "evict"}, {"path", control::encode_path(path)}};
}

control::Handlers control_handlers(const ServedTree& tree) {
  return {{"evict", [tree](const Message& request, Asker&) { return evict(tree, request); }},
          {"status", [tree](const Message&, Asker&) { return status(tree); }}};
}

std::shared_ptr<control::ControlServer> serve_control(const ServedTree& tree) {
  auto server =
      control::ControlServer::start(control_socket(tree.cache_directory), control_handlers(tree));
  if (server) return std::move(*server);
  spdlog::warn("cli: the commands for a running tree will not work: {}", server.error().message);
  return nullptr;
}

}  // namespace lazymirror::cli
