// SPDX-License-Identifier: Apache-2.0
#include "cli/control_commands.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "cli/job_handlers.h"
#include "cli/metrics.h"
#include "cli/report_message.h"

namespace lazymirror::cli {
namespace {

using control::Asker;
using control::List;
using control::Message;

constexpr std::size_t kNamesALine = 200;

Message done() { return {{"ok", true}}; }

Result<Message> answer(const Result<>& result) {
  if (!result) return fail(result.error());
  return done();
}

// "path", as an entry.
Result<EntryId> entry_of(Engine& engine, const Message& request) {
  const auto text = control::text_of(request, "path");
  if (!text) return fail(text.error());
  const auto path = control::decode_path(*text);
  if (!path) return fail(path.error());
  return engine.find(*path);
}

// --- what it tells ---

Result<Message> status(const ServedTree& tree) {
  Message out = report_message(tree.engine.report());
  List places;
  for (const std::string& place : tree.shown_at) places.emplace_back(control::encode_path(place));
  const std::int64_t second = 1'000'000'000;
  out.merge(Message{{"ok", true},
                    {"url", tree.url},
                    {"mode", tree.mode},
                    {"mechanism", tree.mechanism},
                    {"reason", tree.reason},
                    {"cache", control::encode_path(tree.cache_directory)},
                    {"shown_at", std::move(places)},
                    {"pid", tree.pid},
                    {"worker_pid", ::getpid()},
                    {"config_file", control::encode_path(tree.reload->config_file())},
                    {"started", tree.started_ns / second}});
  return out;
}

Result<Message> metrics(const ServedTree& tree) {
  return Message{{"ok", true}, {"text", metrics_text(tree.engine.report(), tree.url)}};
}

Result<Message> info(const ServedTree& tree, const Message& request) {
  const auto id = entry_of(tree.engine, request);
  if (!id) return fail(id.error());
  const auto entry = tree.engine.describe(*id);
  if (!entry) return fail(entry.error());
  Message out = entry_message(*entry);
  out.emplace("ok", true);
  return out;
}

Result<Message> list_names(const std::vector<NameStatus>& names, Asker& asker) {
  for (std::size_t at = 0; at < names.size();) {
    List some;
    for (; at < names.size() && some.size() < kNamesALine; ++at) {
      some.emplace_back(name_message(names[at]));
    }
    if (!asker.wait_for_room() || !asker.tell({{"names", std::move(some)}})) {
      return fail(Errc::cancelled, "who asked has gone");
    }
  }
  return done();
}

Result<Message> ls(const ServedTree& tree, const Message& request, Asker& asker) {
  const auto id = entry_of(tree.engine, request);
  if (!id) return fail(id.error());
  const auto entry = tree.engine.describe(*id);
  if (!entry) return fail(entry.error());
  if (entry->status.kind != EntryKind::directory) return list_names({entry->status}, asker);
  const auto names = tree.engine.names(*id);
  if (!names) return fail(names.error());
  return list_names(*names, asker);
}

// --- what it does ---

Result<Message> evict(const ServedTree& tree, const Message& request) {
  const auto id = entry_of(tree.engine, request);
  if (!id) return fail(id.error());
  if (*id == kRootId) return fail(Errc::is_a_directory, "that is the whole tree: name files");
  return answer(tree.evict ? tree.evict(*id) : tree.engine.storage().evict(*id));
}

Result<Message> set_offline(const ServedTree& tree, bool offline) {
  tree.engine.set_offline(offline);
  return done();
}

List names_of(const std::vector<std::string>& names) { return {names.begin(), names.end()}; }

Result<Message> reload(const ServedTree& tree, const Message& request) {
  const auto text = request.contains("text") ? control::text_of(request, "text") : std::string();
  if (!text) return fail(text.error());
  const auto done = tree.reload->run(*text);
  if (!done) return fail(done.error());
  return Message{
      {"ok", true}, {"changed", names_of(done->changed)}, {"restart", names_of(done->restart)}};
}

}  // namespace

std::string control_socket(const std::string& cache_directory) {
  return cache_directory + "/meta/control";
}

Message path_request(const std::string& command, const std::string& path) {
  return {{"command", command}, {"path", control::encode_path(path)}};
}

control::Handlers control_handlers(const ServedTree& tree) {
  control::Handlers handlers = {
      {"status", [tree](const Message&, Asker&) { return status(tree); }},
      {"metrics", [tree](const Message&, Asker&) { return metrics(tree); }},
      {"info", [tree](const Message& request, Asker&) { return info(tree, request); }},
      {"ls", [tree](const Message& request, Asker& asker) { return ls(tree, request, asker); }},
      {"evict", [tree](const Message& request, Asker&) { return evict(tree, request); }},
      {"offline", [tree](const Message&, Asker&) { return set_offline(tree, true); }},
      {"online", [tree](const Message&, Asker&) { return set_offline(tree, false); }},
      {"reload", [tree](const Message& request, Asker&) { return reload(tree, request); }}};
  add_job_handlers(tree.engine.jobs(), handlers);
  return handlers;
}

std::shared_ptr<control::ControlServer> serve_control(const ServedTree& tree) {
  auto server =
      control::ControlServer::start(control_socket(tree.cache_directory), control_handlers(tree));
  if (server) return std::move(*server);
  spdlog::warn("cli: the commands for a running tree will not work: {}", server.error().message);
  return nullptr;
}

}  // namespace lazymirror::cli
