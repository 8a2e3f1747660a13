// SPDX-License-Identifier: Apache-2.0
#include "cli/wipe_secrets.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "config/option_table.h"

namespace lazymirror::cli {
namespace {

void wipe(char* begin, const char* end) { std::fill(begin, begin + (end - begin), '*'); }
void wipe(char* text) { wipe(text, text + std::strlen(text)); }

bool is_secret(std::string_view name) {
  const OptionSpec* option = find_option(name);
  return option != nullptr && option->is(OptionSpec::kSecret);
}

// -o a=b,password=c: up to the next comma that is not escaped.
void wipe_mount_options(char* text) {
  char* end = text + std::strlen(text);
  for (char* item = text; item < end;) {
    char* stop = item;
    while (stop < end && *stop != ',') stop += *stop == '\\' && stop + 1 < end ? 2 : 1;
    char* equals = std::find(item, stop, '=');
    const std::string_view name(item, static_cast<std::size_t>(equals - item));
    if (equals != stop && is_secret(name)) wipe(equals + 1, stop);
    item = stop + 1;
  }
}

// scheme://user:PASSWORD@host
void wipe_url(char* text) {
  char* authority = std::strstr(text, "://");
  if (authority == nullptr) return;
  authority += 3;
  char* end = authority + std::strcspn(authority, "/?#");
  char* at = std::find(std::reverse_iterator(end), std::reverse_iterator(authority), '@').base();
  if (at == authority) return;
  char* colon = std::find(authority, at, ':');
  if (colon < at - 1) wipe(colon + 1, at - 1);
}

// Whether the word is a short form in front of a secret: "-p", "-psecret",
// also at the end of a bundle, "-fpsecret". Its value, perhaps empty, or null.
char* short_value(char* word, bool secret) {
  for (char* c = word + 1; *c != '\0'; ++c) {
    const auto table = option_table();
    const auto option = std::ranges::find(table, *c, &OptionSpec::letter);
    if (option == table.end()) return nullptr;
    if (!option->is_switch()) {
      const bool wanted = secret ? option->is(OptionSpec::kSecret) : *c == 'o';
      return wanted ? c + 1 : nullptr;
    }
  }
  return nullptr;
}

// Wipes what the word itself holds; true when the next word is a secret.
bool wipe_long(char* word) {
  char* equals = std::strchr(word, '=');
  const char* end = equals != nullptr ? equals : word + std::strlen(word);
  if (!is_secret({word + 2, static_cast<std::size_t>(end - word - 2)})) return false;
  if (equals != nullptr) wipe(equals + 1);
  return equals == nullptr;
}

}  // namespace

void wipe_secrets(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    char* word = argv[i];
    char* next = i + 1 < argc ? argv[i + 1] : nullptr;
    wipe_url(word);
    if (word[0] != '-') continue;
    if (word[1] == '-') {
      if (wipe_long(word) && next != nullptr) wipe(next);
    } else if (char* secret = short_value(word, true); secret != nullptr) {
      if (char* value = *secret != '\0' ? secret : next; value != nullptr) wipe(value);
    } else if (char* list = short_value(word, false); list != nullptr) {
      if (char* value = *list != '\0' ? list : next; value != nullptr) wipe_mount_options(value);
    }
  }
}

}  // namespace lazymirror::cli
