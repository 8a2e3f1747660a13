// SPDX-License-Identifier: Apache-2.0
#include "cli/control_commands.h"

#include <unistd.h>

#include "base/log.h"
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

Message evicted_message(const Storage::Evicted& evicted) {
  return {{"ok", true},
          {"files", evicted.files},
          {"bytes", evicted.bytes},
          {"busy", evicted.busy},
          {"pinned", evicted.pinned}};
}

Result<Message> evict_file(const ServedTree& tree, const NameStatus& file) {
  const auto gone = tree.evict ? tree.evict(file.id) : tree.engine.storage().evict(file.id);
  if (!gone) return fail(gone.error());
  return evicted_message({.files = 1, .bytes = file.cached_bytes});
}

Result<Message> evict(const ServedTree& tree, const Message& request) {
  const auto recursive = control::flag_of(request, "recursive", false);
  if (!recursive) return fail(recursive.error());
  const auto id = entry_of(tree.engine, request);
  if (!id) return fail(id.error());
  const auto entry = tree.engine.describe(*id);
  if (!entry) return fail(entry.error());
  if (entry->status.kind != EntryKind::directory) return evict_file(tree, entry->status);
  if (!*recursive) {
    return fail(Errc::is_a_directory, *id == kRootId
                                          ? "that is the whole tree: name files, or give -r"
                                          : "it is a directory: name files, or give -r");
  }
  const auto gone = tree.engine.storage().evict_below(*id);
  if (!gone) return fail(gone.error());
  return evicted_message(*gone);
}

// The directory by which it is kept, if it is not pinned itself.
std::string pinned_above(Engine& engine, const std::string& path) {
  for (std::size_t end = 0; end < path.size(); end = path.find('/', end + 1)) {
    const std::string above = path.substr(0, end);
    const auto id = engine.find(above);
    if (id && engine.storage().is_pinned(*id)) return above.empty() ? "the whole tree" : above;
  }
  return {};
}

Result<Message> unpin(const ServedTree& tree, const Message& request) {
  const auto id = entry_of(tree.engine, request);
  if (!id) return fail(id.error());
  auto unpinned = tree.engine.storage().unpin(*id);
  if (unpinned || unpinned.error().code != Errc::not_found) return answer(unpinned);
  const auto path = control::decode_path(control::text_of(request, "path").value_or(std::string()));
  const std::string above = pinned_above(tree.engine, path.value_or(std::string()));
  if (above.empty()) return answer(unpinned);
  return fail(Errc::not_found, "it is kept by a pin of " + above + ": unpin that");
}

Result<Message> set_offline(const ServedTree& tree, bool offline) {
  if (tree.note_offline) tree.note_offline(offline);
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
      {"unpin", [tree](const Message& request, Asker&) { return unpin(tree, request); }},
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
  log::warn("cli: the commands for a running tree will not work: {}", server.error().message);
  return nullptr;
}

}  // namespace lazymirror::cli
