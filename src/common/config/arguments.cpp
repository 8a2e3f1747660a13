// SPDX-License-Identifier: Apache-2.0
#include "config/arguments.h"

namespace lazymirror {
namespace {

using WordList = std::vector<std::string>;

// `least` to `most` words, the missing of which are called `names`.
Result<> check_count(const WordList& words, const WordList& names, std::size_t most) {
  if (words.size() > most) {
    return fail(Errc::invalid, "'" + words[most] + "' is one argument too many");
  }
  if (words.size() >= names.size()) return {};
  if (words.empty()) {
    std::string all = names[0];
    for (std::size_t i = 1; i < names.size(); ++i) all += " and " + names[i];
    return fail(Errc::invalid, all + (names.size() > 1 ? " are missing" : " is missing"));
  }
  return fail(Errc::invalid, names[words.size()] + " is missing after '" + words.back() + "'");
}

// The config file has said it.
bool has_tree_of_file(const WordList& words, const Options& options) {
  return words.empty() && !options.url.empty();
}

Result<> take_mount(const WordList& words, Options& options) {
  if (has_tree_of_file(words, options)) {
    if (options.directory.empty()) return fail(Errc::invalid, "the config file names no directory");
    options.mountpoint = options.directory;
    return {};
  }
  if (auto r = check_count(words, {"a URL", "a mount point"}, 2); !r) return r;
  options.url = words[0];
  options.mountpoint = words[1];
  return {};
}

// URL CACHE [DIR], or the ancestor's URL DIR where --cache-location names the
// cache. "-": nowhere else.
Result<> take_watch(WordList words, Options& options, const Options& command_line) {
  if (has_tree_of_file(words, options)) {
    if (options.cache_location.empty()) {
      return fail(Errc::invalid, "the config file names no cache-location, which watch needs");
    }
    options.shown_at = options.directory;
    return {};
  }
  const bool cache_given = !command_line.cache_location.empty() || command_line.fanotify;
  if (cache_given) {
    const WordList names = command_line.fanotify
                               ? WordList{"a URL", "a directory (or - for the cache alone)"}
                               : WordList{"a URL"};
    if (auto r = check_count(words, names, 2); !r) return r;
  } else {
    if (auto r = check_count(words, {"a URL", "a cache directory"}, 3); !r) return r;
    options.cache_location = words[1];
    words.erase(words.begin() + 1);
  }
  options.url = words[0];
  if (words.size() > 1 && words[1] != "-") options.shown_at = words[1];
  return {};
}

Result<> take_stop(const WordList& words, Options& options) {
  if (auto r = check_count(words, {"a cache, the directory it is shown at, or a mount point"}, 1);
      !r)
    return r;
  options.tree = words[0];
  return {};
}

Result<> take_tree_if_any(const WordList& words, Options& options) {
  if (auto r = check_count(words, {}, 1); !r) return r;
  if (!words.empty()) options.tree = words[0];
  return {};
}

Result<> take_paths(const WordList& words, const char* what, Options& options) {
  if (auto r = check_count(words, {what}, words.size()); !r) return r;
  options.paths = words;
  return {};
}

Result<> take_mkcache(const WordList& words, Options& options) {
  if (auto r = check_count(words, {"a file for the image", "a directory to mount it at"}, 2); !r) {
    return r;
  }
  options.image = words[0];
  options.image_directory = words[1];
  return {};
}

}  // namespace

Result<> take_arguments(Command command, const std::vector<std::string>& words,
                        const Options& command_line, Options& options) {
  switch (command) {
    case Command::mount: return take_mount(words, options);
    case Command::watch: return take_watch(words, options, command_line);
    case Command::stop: return take_stop(words, options);
    case Command::status:
    case Command::offline:
    case Command::online:
    case Command::reload: return take_tree_if_any(words, options);
    case Command::verify: options.paths = words; return {};
    case Command::evict:
    case Command::fetch:
    case Command::refresh:
    case Command::pin:
    case Command::unpin:
    case Command::ls:
    case Command::info: return take_paths(words, "a path below a running tree", options);
    case Command::mkcache: break;
  }
  return take_mkcache(words, options);
}

}  // namespace lazymirror
