// SPDX-License-Identifier: Apache-2.0
//
// Parsing nginx's listings of as many entries as the argument says.
#include "listing/listing.h"

#include <benchmark/benchmark.h>

#include <stdexcept>
#include <string>

namespace lazymirror {
namespace {

std::string name_of(int i) { return "some-file-of-usual-length-" + std::to_string(i) + ".tar.gz"; }

std::string html_page(int entries) {
  std::string page =
      "<html>\r\n<head><title>Index of /d/</title></head>\r\n<body>\r\n"
      "<h1>Index of /d/</h1><hr><pre><a href=\"../\">../</a>\r\n";
  for (int i = 0; i < entries; ++i) {
    page += "<a href=\"" + name_of(i) + "\">" + name_of(i) +
            "</a>           14-Mar-2024 10:11             " + std::to_string(1000 + i) + "\r\n";
  }
  return page + "</pre><hr></body>\r\n</html>\r\n";
}

std::string json_page(int entries) {
  std::string page = "[\n";
  for (int i = 0; i < entries; ++i) {
    page += std::string(i > 0 ? ",\n" : "") + "{ \"name\":\"" + name_of(i) +
            "\", \"type\":\"file\", \"mtime\":\"Thu, 14 Mar 2024 10:11:12 GMT\", \"size\":" +
            std::to_string(1000 + i) + " }";
  }
  return page + "\n]";
}

void parse(benchmark::State& state, const std::string& body, const char* type) {
  const auto base = Url::parse("http://origin.example/d/");
  for (auto _ : state) {
    const auto listing = parse_listing({body, type, *base});
    if (!listing || listing->entries.size() != static_cast<std::size_t>(state.range(0))) {
      throw std::runtime_error("the page is not understood");
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void html(benchmark::State& state) {
  parse(state, html_page(static_cast<int>(state.range(0))), "text/html");
}
BENCHMARK(html)->Name("listing: HTML, entries")->Arg(100)->Arg(100'000);

void json(benchmark::State& state) {
  parse(state, json_page(static_cast<int>(state.range(0))), "application/json");
}
BENCHMARK(json)->Name("listing: JSON, entries")->Arg(100)->Arg(100'000);

}  // namespace
}  // namespace lazymirror
