// SPDX-License-Identifier: Apache-2.0
#include "support/oracle_tree.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "support/oracle_http.h"

namespace lazymirror::testing {
namespace {

constexpr std::int64_t kDirectoryTime = 1'709'251'140;  // 2024-02-29 23:59 UTC

std::string with_slash(const std::string& path) { return path.ends_with('/') ? path : path + '/'; }

// "/a/b" or "/a/b/" -> "/a/"
std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/', path.size() - 2) + 1);
}

std::string html_escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string href_of(const std::string& name) {
  const bool directory = name.ends_with('/');
  return percent_encode(name.substr(0, name.size() - (directory ? 1 : 0))) + (directory ? "/" : "");
}

std::string minute_time(std::int64_t seconds, bool named_month) {
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t time = seconds;
  std::tm tm{};
  ::gmtime_r(&time, &tm);
  std::array<char, 64> text;
  if (named_month) {
    std::snprintf(text.data(), text.size(), "%02d-%s-%04d %02d:%02d", tm.tm_mday,
                  kMonths.at(static_cast<std::size_t>(tm.tm_mon)), tm.tm_year + 1900, tm.tm_hour,
                  tm.tm_min);
  } else {
    std::snprintf(text.data(), text.size(), "%04d-%02d-%02d %02d:%02d", tm.tm_year + 1900,
                  tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min);
  }
  return text.data();
}

// As Apache's apr_strfsize: "973 ", "1.2K", " 64M".
std::string rounded_size(std::uint64_t size) {
  if (size < 973) return std::to_string(size);
  double value = static_cast<double>(size);
  std::size_t unit = 0;
  static constexpr std::string_view kUnits = " KMGTPE";
  while (value >= 973) {
    value /= 1024;
    ++unit;
  }
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), value < 9.95 ? "%.1f%c" : "%.0f%c", value, kUnits[unit]);
  return text.data();
}

std::string padding(std::size_t used, std::size_t width) {
  return std::string(used < width ? width - used : 1, ' ');
}

// Both servers shorten the text of long names, never the link.
std::string shown_name(const std::string& name, std::size_t width) {
  return name.size() <= width ? name : name.substr(0, width - 3) + "..>";
}

std::string nginx_line(const std::string& name, const OracleFile* file) {
  const std::string size = file ? std::to_string(file->size) : "-";
  const std::string text = shown_name(name, 50);
  return "<a href=\"" + href_of(name) + "\">" + html_escape(text) + "</a>" +
         padding(text.size(), 51) + minute_time(file ? file->mtime : kDirectoryTime, true) +
         padding(size.size(), 20) + size + "\r\n";
}

std::string apache_line(const std::string& name, const OracleFile* file) {
  const std::string text = shown_name(name, 23);
  return std::string("<img src=\"/icons/") +
         (file ? "unknown.gif\" alt=\"[   ]\"" : "folder.gif\" alt=\"[DIR]\"") + "> <a href=\"" +
         href_of(name) + "\">" + html_escape(text) + "</a>" + padding(text.size(), 24) +
         minute_time(file ? file->mtime : kDirectoryTime, false) + "  " +
         (file ? rounded_size(file->size) : "-") + "  \n";
}

std::string python_line(const std::string& name) {
  return "<li><a href=\"" + href_of(name) + "\">" + html_escape(name) + "</a></li>\n";
}

struct Frame {
  std::string head, tail;
};

Frame frame_of(const std::string& path, OracleOrigin::Listing style) {
  const std::string title = html_escape(path);
  switch (style) {
    case OracleOrigin::Listing::exact:
      return {"<html>\r\n<head><title>Index of " + title +
                  "</title></head>\r\n<body>\r\n<h1>Index of " + title +
                  "</h1><hr><pre><a href=\"../\">../</a>\r\n",
              "</pre><hr></body>\r\n</html>\r\n"};
    case OracleOrigin::Listing::rounded:
      return {
          "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<html>\n <head>\n  "
          "<title>Index of " +
              title + "</title>\n </head>\n <body>\n<h1>Index of " + title +
              "</h1>\n<pre><img src=\"/icons/blank.gif\" alt=\"Icon \"> <a "
              "href=\"?C=N;O=D\">Name</a>"
              "                    <a href=\"?C=M;O=A\">Last modified</a>      "
              "<a href=\"?C=S;O=A\">Size</a>  <a href=\"?C=D;O=A\">Description</a><hr>"
              "<img src=\"/icons/back.gif\" alt=\"[PARENTDIR]\"> <a href=\"" +
              encode_path(path == "/" ? path : parent_of(path)) +
              std::string("\">Parent Directory</a>                             -   \n"),
          "<hr></pre>\n<address>Apache/2.4.66 (Debian) Server</address>\n</body></html>\n"};
    case OracleOrigin::Listing::names_only: break;
  }
  return {
      "<!DOCTYPE HTML>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Directory "
      "listing for " +
          title + "</title>\n</head>\n<body>\n<h1>Directory listing for " + title +
          "</h1>\n<hr>\n<ul>\n",
      "</ul>\n<hr>\n</body>\n</html>\n"};
}

}  // namespace

OracleTree::OracleTree() { directories_["/"]; }

void OracleTree::put_directory(const std::string& path) {
  const std::string self = with_slash(path);
  if (directories_.contains(self)) return;
  directories_[self];
  const std::string parent = parent_of(self);
  put_directory(parent);
  directories_[parent].insert(self.substr(parent.size()));
}

void OracleTree::put(const std::string& path, OracleFile file) {
  const std::string parent = parent_of(path);
  put_directory(parent);
  directories_[parent].insert(path.substr(parent.size()));
  files_[path] = file;
}

void OracleTree::remove(const std::string& path) {
  const std::string self = with_slash(path);
  const std::string parent = parent_of(self);
  const std::string name = self.substr(parent.size(), self.size() - parent.size() - 1);
  if (const auto it = directories_.find(parent); it != directories_.end()) {
    it->second.erase(name);
    it->second.erase(name + '/');
  }
  files_.erase(path);
  for (auto it = directories_.lower_bound(self);
       it != directories_.end() && it->first.starts_with(self);) {
    for (const std::string& child : it->second) files_.erase(it->first + child);
    it = directories_.erase(it);
  }
}

void OracleTree::touch_version(const std::string& path) {
  if (const auto it = files_.find(path); it != files_.end()) {
    ++it->second.version;
    it->second.mtime += 3600;
  }
}

const OracleFile* OracleTree::file(const std::string& path) const {
  const auto it = files_.find(path);
  return it == files_.end() ? nullptr : &it->second;
}

bool OracleTree::has_directory(const std::string& path) const {
  return directories_.contains(with_slash(path));
}

std::string OracleTree::listing(const std::string& path, OracleOrigin::Listing style) const {
  const std::string self = with_slash(path);
  const Frame frame = frame_of(self, style);
  std::string page = frame.head;
  for (const std::string& name : directories_.at(self)) {
    const OracleFile* entry = file(self + name);
    switch (style) {
      case OracleOrigin::Listing::exact: page += nginx_line(name, entry); break;
      case OracleOrigin::Listing::rounded: page += apache_line(name, entry); break;
      case OracleOrigin::Listing::names_only: page += python_line(name); break;
    }
  }
  return page + frame.tail;
}

}  // namespace lazymirror::testing
