// SPDX-License-Identifier: Apache-2.0
//
// The oracle judges everything else, so it is judged first, by libcurl.
#include "support/oracle_origin.h"

#include <curl/curl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <future>
#include <map>

#include "base/unique_fd.h"
#include "support/oracle_http.h"

namespace lazymirror::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Reply {
  CURLcode error = CURLE_OK;
  long status = 0;
  std::string head, body;
};

std::size_t append(char* data, std::size_t size, std::size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

// Requests on one kept-alive connection.
class Client {
 public:
  Client() : handle_(curl_easy_init()) {}
  ~Client() { curl_easy_cleanup(handle_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Reply get(const std::string& url, const std::string& range = "", const std::string& header = "") {
    return perform(url, range, header, false);
  }
  Reply head(const std::string& url) { return perform(url, "", "", true); }

  long connects() const {
    long n = 0;
    curl_easy_getinfo(handle_, CURLINFO_NUM_CONNECTS, &n);
    return n;
  }

 private:
  Reply perform(const std::string& url, const std::string& range, const std::string& header,
                bool no_body) {
    Reply reply;
    curl_easy_reset(handle_);
    curl_easy_setopt(handle_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle_, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(handle_, CURLOPT_TIMEOUT_MS, 30'000L);
    if (!range.empty()) curl_easy_setopt(handle_, CURLOPT_RANGE, range.c_str());
    curl_slist* list = header.empty() ? nullptr : curl_slist_append(nullptr, header.c_str());
    curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, list);
    if (no_body) curl_easy_setopt(handle_, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &reply.body);
    curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, append);
    curl_easy_setopt(handle_, CURLOPT_HEADERDATA, &reply.head);
    reply.error = curl_easy_perform(handle_);
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &reply.status);
    curl_slist_free_all(list);
    return reply;
  }
  CURL* handle_;
};

std::optional<std::size_t> mismatch(const std::string& path, std::uint64_t version,
                                    std::uint64_t offset, const std::string& body) {
  return oracle_mismatch(path, version, offset, std::as_bytes(std::span(body)));
}

class OracleOriginTest : public ::testing::Test {
 protected:
  OracleOriginTest() { origin.put("/f", {.size = kSize}); }
  Reply get(const std::string& path, const std::string& range = "") {
    return client.get(origin.url(path), range);
  }
  static constexpr std::uint64_t kSize = 1'000'003;
  OracleOrigin origin;
  Client client;
};

TEST(OracleBytes, AreAFunctionOfPathVersionAndOffsetAndNeverZero) {
  std::vector<std::byte> a(100'003), b(a.size());
  oracle_fill("/a", 1, 0, a);
  EXPECT_EQ(std::count(a.begin(), a.end(), std::byte{0}), 0);
  oracle_fill("/b", 1, 0, b);
  EXPECT_NE(a, b);
  oracle_fill("/a", 2, 0, b);
  EXPECT_NE(a, b);
  oracle_fill("/a", 1, 8, b);
  EXPECT_NE(a, b);
}

TEST(OracleBytes, AreTheSameWhereverAFillBegins) {
  std::vector<std::byte> whole(64);
  oracle_fill("/a", 1, 0, whole);
  for (std::size_t begin = 0; begin < 20; ++begin) {
    std::vector<std::byte> part(64 - begin - 3);
    oracle_fill("/a", 1, begin, part);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + static_cast<long>(begin)));
    EXPECT_EQ(oracle_byte("/a", 1, begin), whole[begin]);
  }
}

TEST(OracleBytes, OneWrongByteIsFoundWhereItIs) {
  std::vector<std::byte> bytes(200'000);
  oracle_fill("/a", 1, 5, bytes);
  EXPECT_EQ(oracle_mismatch("/a", 1, 5, bytes), std::nullopt);
  bytes[150'001] ^= std::byte{0x80};
  EXPECT_EQ(oracle_mismatch("/a", 1, 5, bytes), 150'001u);
  EXPECT_TRUE(oracle_mismatch("/a", 1, 6, bytes));
}

TEST_F(OracleOriginTest, ServesAWholeFile) {
  const Reply reply = get("/f");
  EXPECT_EQ(reply.status, 200);
  ASSERT_EQ(reply.body.size(), kSize);
  EXPECT_EQ(mismatch("/f", 1, 0, reply.body), std::nullopt);
  EXPECT_THAT(reply.head, HasSubstr("ETag: \""));
  EXPECT_THAT(reply.head, HasSubstr("Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT"));
  EXPECT_THAT(reply.head, HasSubstr("Accept-Ranges: bytes"));
  EXPECT_THAT(reply.head, HasSubstr("Date: "));
  EXPECT_EQ(origin.body_bytes("/f"), kSize);
}

TEST_F(OracleOriginTest, KeepsTheConnection) {
  get("/f");
  EXPECT_EQ(client.connects(), 1);
  client.head(origin.url("/f"));
  EXPECT_EQ(client.connects(), 0);
}

TEST_F(OracleOriginTest, ServesRanges) {
  const std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> cases{
      {"0-0", {0, 1}},
      {"10-19", {10, 20}},
      {"999999-", {999'999, kSize}},
      {"-7", {kSize - 7, kSize}},
      {"500000-99999999", {500'000, kSize}}};
  for (const auto& [range, want] : cases) {
    const Reply reply = get("/f", range);
    EXPECT_EQ(reply.status, 206) << range;
    EXPECT_EQ(reply.body.size(), want.second - want.first) << range;
    EXPECT_EQ(mismatch("/f", 1, want.first, reply.body), std::nullopt) << range;
    EXPECT_THAT(reply.head, HasSubstr("Content-Range: bytes " + std::to_string(want.first) + "-" +
                                      std::to_string(want.second - 1) + "/1000003"));
  }
}

TEST_F(OracleOriginTest, RefusesARangeBehindTheEnd) {
  const Reply reply = get("/f", "1000003-");
  EXPECT_EQ(reply.status, 416);
  EXPECT_THAT(reply.head, HasSubstr("Content-Range: bytes */1000003"));
}

TEST_F(OracleOriginTest, IgnoresSeveralRanges) { EXPECT_EQ(get("/f", "0-1,5-6").status, 200); }

TEST_F(OracleOriginTest, AnswersAHeadWithoutABody) {
  const Reply reply = client.head(origin.url("/f"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.head, HasSubstr("Content-Length: 1000003"));
  EXPECT_EQ(reply.body, "");
  EXPECT_EQ(origin.body_bytes("/f"), 0u);
}

TEST_F(OracleOriginTest, ObeysIfRange) {
  const std::string head = client.head(origin.url("/f")).head;
  const std::size_t at = head.find("ETag: ") + 6;
  const std::string etag = head.substr(at, head.find('\r', at) - at);
  EXPECT_EQ(client.get(origin.url("/f"), "0-9", "If-Range: " + etag).status, 206);
  EXPECT_EQ(client.get(origin.url("/f"), "0-9", "If-Range: \"other\"").status, 200);
  const std::string date = "Tue, 14 Nov 2023 22:13:20 GMT";
  EXPECT_EQ(client.get(origin.url("/f"), "0-9", "If-Range: " + date).status, 206);
  origin.touch_version("/f");
  EXPECT_EQ(client.get(origin.url("/f"), "0-9", "If-Range: " + etag).status, 200);
  EXPECT_EQ(client.get(origin.url("/f"), "0-9", "If-Range: " + date).status, 200);
}

TEST_F(OracleOriginTest, ANewVersionHasOtherBytes) {
  origin.touch_version("/f");
  EXPECT_EQ(mismatch("/f", 2, 0, get("/f").body), std::nullopt);
}

TEST_F(OracleOriginTest, ListsAsNginxDoes) {
  origin.put("/d/a b%c.txt", {.size = 123, .mtime = 1'709'251'140});
  origin.put_directory("/d/sub");
  const Reply reply = get("/d/");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr("<a href=\"../\">../</a>"));
  EXPECT_THAT(reply.body,
              HasSubstr("<a href=\"a%20b%25c.txt\">a b%c.txt</a>" + std::string(42, ' ') +
                        "29-Feb-2024 23:59" + std::string(17, ' ') + "123\r\n"));
  EXPECT_THAT(reply.body, HasSubstr("<a href=\"sub/\">sub/</a>"));
  EXPECT_EQ(get("/").status, 200);
}

TEST_F(OracleOriginTest, ListsAsApacheAndPythonDo) {
  origin.put("/d/big", {.size = 5'000'000, .mtime = 1'709'251'140});
  origin.set_listing(OracleOrigin::Listing::rounded);
  EXPECT_THAT(get("/d/").body, HasSubstr("2024-02-29 23:59  4.8M"));
  origin.set_listing(OracleOrigin::Listing::names_only);
  EXPECT_THAT(get("/d/").body, HasSubstr("<li><a href=\"big\">big</a></li>"));
  EXPECT_THAT(get("/d/").body, Not(HasSubstr("5000000")));
}

TEST_F(OracleOriginTest, FindsFilesByTheirDecodedNames) {
  origin.put("/x/100% \xff?#.bin", {.size = 10});
  const Reply reply = get("/x/100% \xff?#.bin");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(mismatch("/x/100% \xff?#.bin", 1, 0, reply.body), std::nullopt);
}

TEST_F(OracleOriginTest, RedirectsADirectoryToItsSlash) {
  origin.put_directory("/d e");
  const Reply reply = get("/d e");
  EXPECT_EQ(reply.status, 301);
  EXPECT_THAT(reply.head, HasSubstr("Location: " + origin.url("/d e/") + "\r\n"));
}

TEST_F(OracleOriginTest, RemovedThingsAreGone) {
  origin.put("/d/e/f", {.size = 1});
  origin.remove("/d");
  EXPECT_EQ(get("/d/e/f").status, 404);
  EXPECT_EQ(get("/d/").status, 404);
  EXPECT_THAT(get("/").body, Not(HasSubstr("d/")));
  origin.remove("/f");
  EXPECT_EQ(get("/f").status, 404);
}

TEST_F(OracleOriginTest, DemandsCredentials) {
  origin.set_require_auth("user", "pass");
  EXPECT_EQ(get("/f").status, 401);
  EXPECT_EQ(client.get(origin.url("/f"), "", "Authorization: Basic dXNlcjpwYXNz").status, 200);
}

TEST_F(OracleOriginTest, WithoutRangesEverythingIsWhole) {
  origin.set_ranges(false);
  const Reply reply = get("/f", "5-9");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body.size(), kSize);
  EXPECT_THAT(reply.head, Not(HasSubstr("Accept-Ranges")));
}

TEST_F(OracleOriginTest, LeavesOutValidatorsWhenTold) {
  origin.put("/bare", {.size = 3, .etag = false, .last_modified = false});
  const Reply reply = get("/bare");
  EXPECT_THAT(reply.head, Not(HasSubstr("ETag")));
  EXPECT_THAT(reply.head, Not(HasSubstr("Last-Modified")));
}

// --- faults ---

TEST_F(OracleOriginTest, PlaysAStatusWithItsHeader) {
  origin.inject("/f", {.fault = Fault::status, .value = 503, .extra_header = "Retry-After: 1"});
  const Reply reply = get("/f");
  EXPECT_EQ(reply.status, 503);
  EXPECT_THAT(reply.head, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_EQ(get("/f").status, 200) << "a fault applies once unless told otherwise";
  EXPECT_EQ(origin.faults_played(), 1u);
}

TEST_F(OracleOriginTest, AppliesAFaultOnlyWhereItMatches) {
  origin.inject("/f", {.fault = Fault::status, .value = 500, .times = 0, .method = "HEAD"});
  origin.inject("/f", {.fault = Fault::status, .value = 502, .times = 2, .ranged_only = true});
  EXPECT_EQ(get("/f").status, 200);
  EXPECT_EQ(get("/f", "0-1").status, 502);
  EXPECT_EQ(client.head(origin.url("/f")).status, 500);
  EXPECT_EQ(get("/f", "0-1").status, 502);
  EXPECT_EQ(get("/f", "0-1").status, 206);
  EXPECT_EQ(client.head(origin.url("/f")).status, 500);
  origin.clear_faults();
  EXPECT_EQ(client.head(origin.url("/f")).status, 200);
}

TEST_F(OracleOriginTest, PlaysAShortBody) {
  origin.inject("/f", {.fault = Fault::short_body, .value = 1000});
  const Reply reply = get("/f", "10-99999");
  EXPECT_EQ(reply.error, CURLE_PARTIAL_FILE);
  EXPECT_EQ(reply.body.size(), 1000u);
  EXPECT_EQ(mismatch("/f", 1, 10, reply.body), std::nullopt);
}

TEST_F(OracleOriginTest, PlaysAWrongStart) {
  origin.inject("/f", {.fault = Fault::wrong_content_range, .value = 5});
  const Reply reply = get("/f", "100-199");
  EXPECT_THAT(reply.head, HasSubstr("Content-Range: bytes 95-194/1000003"));
  EXPECT_EQ(mismatch("/f", 1, 95, reply.body), std::nullopt);
}

TEST_F(OracleOriginTest, PlaysAWrongTotal) {
  origin.inject("/f", {.fault = Fault::wrong_total, .value = 7});
  EXPECT_THAT(get("/f", "100-199").head, HasSubstr("Content-Range: bytes 100-199/1000010"));
}

TEST_F(OracleOriginTest, PlaysAnIgnoredRange) {
  origin.inject("/f", {.fault = Fault::ignore_range});
  const Reply reply = get("/f", "100-199");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body.size(), kSize);
}

TEST_F(OracleOriginTest, PlaysAChangedValidator) {
  const std::string before = client.head(origin.url("/f")).head;
  origin.inject("/f", {.fault = Fault::changed_validator});
  const Reply reply = get("/f", "100-199");
  EXPECT_EQ(reply.status, 206);
  EXPECT_EQ(mismatch("/f", 2, 100, reply.body), std::nullopt);
  const std::size_t at = reply.head.find("ETag: ");
  EXPECT_THAT(before, Not(HasSubstr(reply.head.substr(at, reply.head.find('\r', at) - at))));
}

TEST_F(OracleOriginTest, PlaysAContentCodingThatIsNotTheContent) {
  origin.inject("/f", {.fault = Fault::gzip});
  const Reply reply = get("/f", "100-199");
  EXPECT_THAT(reply.head, HasSubstr("Content-Encoding: gzip"));
  EXPECT_EQ(reply.body.size(), 100u);
  EXPECT_EQ(mismatch("/f", 1, 100, reply.body), 0u);
}

TEST_F(OracleOriginTest, PlaysChunkedCodingWithoutALength) {
  origin.inject("/f", {.fault = Fault::no_length});
  const Reply reply = get("/f");
  EXPECT_THAT(reply.head, Not(HasSubstr("Content-Length")));
  EXPECT_EQ(reply.body.size(), kSize);
  EXPECT_EQ(mismatch("/f", 1, 0, reply.body), std::nullopt);
}

TEST_F(OracleOriginTest, PlaysResets) {
  origin.inject("/f", {.fault = Fault::reset});
  EXPECT_EQ(get("/f").error, CURLE_RECV_ERROR);
  origin.inject("/f", {.fault = Fault::reset_in_body, .value = 10});
  EXPECT_NE(get("/f").error, CURLE_OK);
}

TEST_F(OracleOriginTest, PlaysARedirectAndRawText) {
  origin.inject("/f", {.fault = Fault::redirect, .text = "/elsewhere"});
  EXPECT_THAT(get("/f").head, HasSubstr("Location: /elsewhere\r\n"));
  origin.inject("/f",
                {.fault = Fault::raw, .text = "HTTP/1.1 299 Odd\r\nContent-Length: 2\r\n\r\nhi"});
  const Reply reply = get("/f");
  EXPECT_EQ(reply.status, 299);
  EXPECT_EQ(reply.body, "hi");
}

TEST_F(OracleOriginTest, AStalledAnswerGoesOnWhenTold) {
  for (const Fault fault : {Fault::stall_before_head, Fault::stall_in_body}) {
    origin.forget_requests();
    origin.inject("/f", {.fault = fault, .value = 100});
    auto reply = std::async(std::launch::async, [&] { return get("/f"); });
    ASSERT_TRUE(origin.wait_for_requests("/f", 1));
    EXPECT_EQ(reply.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
    // The stall may not have been reached yet: it is let go until it was.
    while (reply.wait_for(std::chrono::milliseconds(10)) != std::future_status::ready)
      origin.unstall();
    EXPECT_EQ(mismatch("/f", 1, 0, reply.get().body), std::nullopt);
  }
}

TEST_F(OracleOriginTest, AStalledAnswerDoesNotKeepTheOriginAlive) {
  auto doomed = std::make_unique<OracleOrigin>();
  doomed->put("/f", {.size = 10});
  doomed->inject("/f", {.fault = Fault::stall_before_head});
  const std::string url = doomed->url("/f");
  auto reply = std::async(std::launch::async, [&] { return client.get(url); });
  ASSERT_TRUE(doomed->wait_for_requests("/f", 1));
  doomed.reset();
  EXPECT_NE(reply.get().error, CURLE_OK);
}

TEST_F(OracleOriginTest, StopsAndComesBackOnTheSamePort) {
  ASSERT_EQ(get("/f").status, 200);
  const std::string url = origin.url("/f");
  origin.stop();
  EXPECT_EQ(client.get(url).error, CURLE_COULDNT_CONNECT);
  origin.restart();
  EXPECT_EQ(client.get(url).status, 200);
}

// A test beside this one may ask for any free port.
TEST_F(OracleOriginTest, KeepsItsPortWhileItIsStopped) {
  origin.stop();
  const UniqueFd other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(origin.port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_NE(::bind(other.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(errno, EADDRINUSE);
}

TEST_F(OracleOriginTest, KeepsALogOfWhatWasAsked) {
  client.get(origin.url("/f") + "?query", "1-2", "X-Test: yes");
  const auto log = origin.requests();
  ASSERT_EQ(log.size(), 1u);
  EXPECT_EQ(log[0].method, "GET");
  EXPECT_EQ(log[0].target, "/f?query");
  EXPECT_EQ(log[0].path, "/f");
  EXPECT_EQ(log[0].range, "bytes=1-2");
  EXPECT_THAT(log[0].headers, ::testing::Contains("X-Test: yes"));
  EXPECT_EQ(origin.count("/f"), 1u);
  EXPECT_EQ(origin.count("/f", "HEAD"), 0u);
  EXPECT_FALSE(origin.wait_for_requests("/f", 2, 10));
  origin.forget_requests();
  EXPECT_EQ(origin.count("/f"), 0u);
}

TEST_F(OracleOriginTest, DelaysAnswers) {
  origin.set_delay_ms(60);
  const auto before = std::chrono::steady_clock::now();
  get("/f");
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(60));
}

TEST_F(OracleOriginTest, ServesManyClientsAtOnce) {
  std::vector<std::future<void>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::async(std::launch::async, [&] {
      Client mine;
      for (int n = 0; n < 20; ++n) {
        EXPECT_EQ(mismatch("/f", 1, 0, mine.get(origin.url("/f")).body), std::nullopt);
      }
    }));
  }
}

TEST(OracleHttp, RequestsThatAreNoneAreRefused) {
  EXPECT_FALSE(parse_request("nonsense\r\n\r\n"));
  EXPECT_FALSE(parse_request("GET f HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(parse_request("GET /a%2Fb?c HTTP/1.0\r\nhost: x\r\n\r\n")->path, "/a/b");
  EXPECT_EQ(parse_request("GET / HTTP/1.1\r\nhost: x\r\n\r\n")->header("Host"), "x");
}

}  // namespace
}  // namespace lazymirror::testing
