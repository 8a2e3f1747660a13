// SPDX-License-Identifier: Apache-2.0
#include "fixtures.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace lazymirror::fixtures {
namespace {

const std::string kRoot = std::string(LAZYMIRROR_SOURCE_DIR) + "/tests/fixtures/listings/";

std::map<std::string, Truth> read_tree() {
  std::map<std::string, Truth> out;
  std::istringstream lines(read("tree-A.tsv"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream columns(line);
    std::string name, type, size, mtime;
    std::getline(columns, name, '\t');
    std::getline(columns, type, '\t');
    std::getline(columns, size, '\t');
    std::getline(columns, mtime, '\t');
    out[decode_segment(name).value()] = {type, size == "-" ? 0 : std::stoull(size),
                                         std::stoll(mtime)};
  }
  return out;
}

}  // namespace

const std::map<std::string, Truth>& tree() {
  static const std::map<std::string, Truth> tree = read_tree();
  return tree;
}

std::string read(const std::string& path) {
  std::ifstream file(kRoot + path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << kRoot + path;
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

std::vector<std::string> all_pages() {
  std::vector<std::string> out;
  for (const auto& file : std::filesystem::recursive_directory_iterator(kRoot)) {
    if (!file.is_regular_file() || file.path().extension() == ".tsv") continue;
    out.push_back(file.path().string().substr(kRoot.size()));
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string_view content_type_of(std::string_view path) {
  if (path.ends_with(".json")) return "application/json";
  if (path.ends_with(".xml")) return "text/xml; charset=utf-8";
  if (path.ends_with(".js")) return "application/javascript";
  return "text/html; charset=ISO-8859-1";  // of no account: the reader does not believe it
}

Url base_of(std::string_view path) {
  if (path.find("dir_with_space") != path.npos)
    return url("http://127.0.0.1:81/dir%20with%20space/");
  if (path.find("emptydir") != path.npos) return url("http://127.0.0.1:81/emptydir/");
  if (path.find("redirect-noslash") != path.npos) return url("http://127.0.0.1:81/subdir/");
  return url("http://127.0.0.1:81/");
}

Result<Listing> parse(const std::string& path) {
  const std::string body = read(path);
  const Url base = base_of(path);
  return parse_listing({body, content_type_of(path), base});
}

std::string nginx_page(const std::vector<std::string>& hrefs) {
  std::string out =
      "<html>\n<head><title>Index of /</title></head>\n<body>\n<h1>Index of /</h1><hr><pre>"
      "<a href=\"../\">../</a>\n";
  for (const std::string& href : hrefs) {
    out += "<a href=\"" + href + "\">x</a>         29-Feb-2024 23:59                  15\n";
  }
  return out + "</pre><hr></body>\n</html>\n";
}

Url url(std::string_view text) { return Url::parse(text).value(); }

}  // namespace lazymirror::fixtures
